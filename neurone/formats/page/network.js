// The network's outputs, by the operations of the specification, section 7, in its order: the bits of predict_proba.
// A 32-bit operation is one of 64 bits, rounded once more by `fround`: for +, -, * and / that is a single rounding.

const fround = Math.fround;
const double = new Float64Array(1), words = new Uint32Array(double.buffer);   // browsers are little-endian: low, high
const single = new Float32Array(1), bits = new Int32Array(single.buffer);

function bitsOf(x) { single[0] = x; return bits[0]; }
function floatOf(n) { bits[0] = n; return single[0]; }

// s + a b, rounded once. The product is exact in 64 bits. The sum t, rounded to 64 bits and then to 32, is right unless t
// lies half-way between two floats, or is subnormal there. Then what t lost is found, and t rounded to odd: it becomes, of
// the two doubles around the exact sum, the one whose last bit is 1 (Boldo and Melquiond, 2008).
function madd32(a, b, s) {
  const p = a * b, t = p + s;
  double[0] = t;
  if ((words[0] & 0x1fffffff) === 0x10000000 || (t < 1.1754943508222875e-38 && t > -1.1754943508222875e-38)) {
    const rest = t - p, lost = (p - (t - rest)) + (s - rest);
    if (lost !== 0 && (words[0] & 1) === 0) {
      if (lost > 0 === t > 0) words[0] += 1;
      else if (words[0]-- === 0) words[1] -= 1;
      return fround(double[0]);
    }
  }
  return fround(t);
}

function madd64(a, b, s) { return a * b + s; }

const power = n => floatOf((n << 23) + 0x3f800000);                           // 2^n for -126 <= n <= 127
const LOG2_E = fround(1.4426950408889634), LN2_HIGH = 0.693145751953125;
const LN2_LOW = fround(0.6931471805599453 - LN2_HIGH), ROUNDER = 12582912;    // 1.5 * 2^23
const TAYLOR = [40320, 5040, 720, 120, 24, 6, 2].map(factorial => fround(1 / factorial));

// [n, e^r - 1] for e^x = 2^n e^r.
function reduce(x) {
  const shifted = madd32(x, LOG2_E, ROUNDER), n = fround(shifted - ROUNDER);
  const r = madd32(n, -LN2_LOW, madd32(n, -LN2_HIGH, x));
  let q = TAYLOR[0];
  for (let k = 1; k < TAYLOR.length; k++) q = madd32(q, r, TAYLOR[k]);
  return [bitsOf(shifted) - 0x4b400000 | 0, madd32(fround(r * r), q, r)];
}

function exp32(x) {
  const [n, e] = reduce(x > 89 ? 89 : -104 > x ? -104 : x), half = n >> 1;
  return fround(fround(fround(1 + e) * power(half)) * power(n - half));
}

function tanh32(x) {
  const sign = bitsOf(x) & 0x80000000, a = floatOf(bitsOf(x) ^ sign), b = a > 10 ? 10 : a;
  const [n, e] = reduce(fround(b + b)), scale = power(n);
  const m = madd32(scale, e, fround(scale - 1)), w = fround(m / fround(m + 2)), half = fround(m * 0.5);
  return floatOf(bitsOf(1 > m ? madd32(-half, w, half) : w) | sign);
}

const IN_32 = {Array: Float32Array, round: fround, madd: madd32, exp: exp32, tanh: tanh32};
// The browser's exp and tanh may differ from the C library's in the last bit.
const IN_64 = {Array: Float64Array, round: x => x, madd: madd64, exp: Math.exp, tanh: Math.tanh};

// A layer's function, in place.
function activate(name, u, slope, {round, exp, tanh}) {
  if (name === "softmax") {
    const largest = u.reduce((a, b) => b > a ? b : a);
    let sum = 0;
    for (let k = 0; k < u.length; k++) sum = round(sum + (u[k] = exp(round(u[k] - largest))));
    for (let k = 0; k < u.length; k++) u[k] = u[k] / sum;
    return;
  }
  const one = {
    logistic: s => 1 / round(1 + exp(-round(slope * s))),
    tanh, exp,
    relu: s => s > 0 ? s : 0,
    identity: s => s,
  }[name];
  for (let j = 0; j < u.length; j++) u[j] = one(u[j]);
}

// Outputs of the layers after the inputs.
function layersOf({sizes, activation, output, slope, parameters, width}, pixels) {
  const kind = width === 32 ? IN_32 : IN_64, {round, madd} = kind, layers = [];
  let x = kind.Array.from(pixels, pixel => pixel / 255), first = 0;
  for (let layer = 1; layer < sizes.length; layer++) {
    const m = sizes[layer], s = parameters.slice(first, first + m);           // row 0: the bias
    for (let i = 0; i < x.length; i++) {
      const row = first + (i + 1) * m, xi = x[i];
      if (xi !== 0) for (let j = 0; j < m; j++) s[j] = madd(parameters[row + j], xi, s[j]);
    }
    activate(layer === sizes.length - 1 ? output : activation, s, slope, kind);
    layers.push(x = s);
    first += (sizes[layer - 1] + 1) * m;
  }
  return layers;
}

// The same with weights of 8 bits, as Quantised and the C file have it.
function layersOfBytes({sizes, activation, output, slope, weights, scales, biases}, pixels) {
  const layers = [];
  let x = Int32Array.from(pixels), step = fround(1 / 255), row = 0, neuron = 0;
  for (let layer = 1; layer < sizes.length; layer++) {
    const n = sizes[layer - 1], u = new Float32Array(sizes[layer]);
    for (let j = 0; j < u.length; j++, row += n, neuron++) {
      let sum = 0;
      for (let i = 0; i < n; i++) sum += weights[row + i] * x[i];
      u[j] = fround(fround(sum) * fround(scales[neuron] * step)) + biases[neuron];
    }
    const last = layer === sizes.length - 1;
    activate(last ? output : activation, u, slope, IN_32);
    layers.push(u);
    const largest = u.reduce((a, b) => Math.max(a, Math.abs(b)), 0) || 1;
    x = Int32Array.from(u, v => Math.floor(fround(fround(fround(v / largest) * 255) + 0.5)));
    step = fround(largest / 255);
  }
  return layers;
}

// {outputs, hidden}: the mean of the networks' outputs, and the first network's hidden layers.
function answerOf(networks, pixels) {
  const layers = networks.map(each => (each.weights ? layersOfBytes : layersOf)(each, pixels));
  const outputs = layers.map(each => each[each.length - 1]);
  const widest = outputs.find(each => each instanceof Float64Array) || outputs[0];
  const mean = widest.constructor.from(widest, (_, k) => outputs.reduce((sum, each) => sum + each[k], 0) / outputs.length);
  return {outputs: mean, hidden: layers[0].slice(0, -1)};
}
