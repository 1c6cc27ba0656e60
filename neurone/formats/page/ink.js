// The image of 28 x 28 that a picture gives, as the specification's section 17 has it and `predict` makes it.
// Arrays are flat, row by row; `width` and `height` go with them.

const FAINTEST = 0.2, CERTAIN = 0.35, STROKE = 0.4, SPECK = 0.02, FRAMED = 0.05, BORDER = 0.08;
const SPAN = 0.85, BENT = 0.01, THICK = 0.04, ROUNDS = 4, LONGEST = 400, SIDE = 28, BOX = 20;
const SHARED = 0.5, HIGHER = 1.4, LOW = 0.5, NEXT = 0.1, DOT = 0.3;           // of digits that are joined
const SLOPES = Array.from({length: 21}, (_, k) => k < 20 ? k * 0.02 - 0.2 : 0.2);

// An array of `Kind`; `from` and `map` with a function took half of all time.
function made(Kind, count, value) {
  const to = new Kind(count);
  for (let k = 0; k < count; k++) to[k] = value(k);
  return to;
}

const bytes = (count, is) => made(Uint8Array, count, is);
const without = (mask, other) => bytes(mask.length, k => mask[k] & ~other[k]);

function largestOf(a) {
  let most = -Infinity;
  for (let k = 0; k < a.length; k++) if (a[k] > most) most = a[k];
  return most;
}

// To the nearest integer, halves to the even one.
function rint(x) {
  const n = Math.floor(x), rest = x - n;
  return rest > 0.5 || (rest === 0.5 && n % 2 !== 0) ? n + 1 : n;
}

// By Hoare's selection: sorting took a tenth of all time.
function median(values) {
  const a = new Float64Array(values), half = a.length >> 1;
  for (let low = 0, high = a.length - 1; low < high;) {
    const pivot = a[low + high >> 1];
    let i = low, j = high;
    while (i <= j) {
      while (a[i] < pivot) i++;
      while (a[j] > pivot) j--;
      if (i <= j) { const kept = a[i]; a[i++] = a[j]; a[j--] = kept; }
    }
    if (j < half) low = i;
    if (i > half) high = j;
  }
  return a.length % 2 ? a[half] : (largestOf(a.subarray(0, half)) + a[half]) / 2;
}

// A share of the longer side, odd.
const sizeOf = (width, height, share) => 2 * Math.trunc(Math.max(width, height) * share / 2) + 1;

function transposed(a, width, height) {
  const to = new a.constructor(a.length);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) to[x * height + y] = a[y * width + x];
  return to;
}

// The extreme of each window of `size` along rows; beyond the edge, the edge's own. `sign` 1: largest, -1: least.
function alongRows(a, width, height, size, sign) {
  const to = new a.constructor(a.length), reach = size >> 1, queue = new Int32Array(width + size);
  for (let y = 0; y < height; y++) {
    const row = y * width;
    let head = 0, tail = 0;
    for (let x = 0; x < width + reach; x++) {                                 // what may still be the extreme
      if (x < width) {
        while (tail > head && sign * a[row + queue[tail - 1]] <= sign * a[row + x]) tail--;
        queue[tail++] = x;
      }
      if (queue[head] < x - 2 * reach) head++;
      if (x >= reach) to[row + x - reach] = a[row + queue[head]];
    }
  }
  return to;
}

function extremes(a, width, height, size, sign) {
  const rows = transposed(alongRows(a, width, height, size, sign), width, height);
  return transposed(alongRows(rows, height, width, size, sign), height, width);
}

// Eigenvalues and eigenvectors (columns) of a symmetric matrix (array of rows), by Jacobi's rotations.
function eigen(matrix) {
  const n = matrix.length, a = matrix.map(row => [...row]);
  const v = a.map((_, i) => a.map((_, j) => +(i === j)));
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0;
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) {
      off += Math.abs(a[p][q]);
      if (a[p][q] === 0) continue;
      const theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
      const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
      const c = 1 / Math.sqrt(t * t + 1), s = t * c;
      for (let k = 0; k < n; k++) [a[k][p], a[k][q]] = [c * a[k][p] - s * a[k][q], s * a[k][p] + c * a[k][q]];
      for (let k = 0; k < n; k++) [a[p][k], a[q][k]] = [c * a[p][k] - s * a[q][k], s * a[p][k] + c * a[q][k]];
      for (let k = 0; k < n; k++) [v[k][p], v[k][q]] = [c * v[k][p] - s * v[k][q], s * v[k][p] + c * v[k][q]];
    }
    if (off === 0) break;
  }
  return {values: a.map((row, i) => row[i]), vectors: v};
}

// ---- the picture

// Red, green and blue of an ImageData, as bytes; where it is transparent, paper lies behind it.
function opaque({data, width, height}) {
  const count = width * height, colours = new Uint8Array(3 * count);
  let grey = 0, alpha = 0;
  for (let k = 0; k < count; k++) {
    const a = data[4 * k + 3];
    grey += (data[4 * k] * 19595 + data[4 * k + 1] * 38470 + data[4 * k + 2] * 7471 + 0x8000 >> 16) * a;
    alpha += a;
  }
  const paper = grey < 127.5 * alpha ? 255 : 0;
  for (let k = 0; k < count; k++) {
    const a = data[4 * k + 3];
    const over = a * 128, under = 255 * 128 - over;
    for (let c = 0; c < 3; c++) {
      const mixed = data[4 * k + c] * over + paper * under + (0x80 << 7);
      colours[3 * k + c] = (mixed >> 8) + mixed >> 8 >> 7;
    }
  }
  return colours;
}

// For each of `to` places: [first of those that fall on it, their shares]. Means (box), or linear between neighbours.
function shares(from, to, box) {
  const scale = from / to, stretch = Math.max(scale, 1), support = (box ? 0.5 : 1) * stretch;
  return Array.from({length: to}, (_, place) => {
    const centre = (place + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    const end = Math.min(from, Math.trunc(centre + support + 0.5)), weights = [];
    for (let x = first; x < end; x++) {
      const d = (x - centre + 0.5) * (1 / stretch);
      weights.push(box ? +(d > -0.5 && d <= 0.5) : Math.max(0, 1 - Math.abs(d)));
    }
    const sum = weights.reduce((a, b) => a + b, 0);
    return [first, weights.map(w => sum !== 0 ? w / sum : w)];
  });
}

// Rows, then columns, as Pillow does; numbers become `kind`'s in between.
function resized(a, width, height, channels, newWidth, newHeight, box) {
  const ofBytes = a instanceof Uint8Array;
  function pass(a, lines, length, to, line, step) {
    const result = new a.constructor(lines * to * channels);
    const weights = shares(length, to, box).map(([first, each]) =>
      [first, ofBytes ? each.map(w => Math.trunc(0.5 + w * 4194304)) : each]);
    for (let l = 0; l < lines; l++) for (let c = 0; c < channels; c++) for (let p = 0; p < to; p++) {
      const [first, each] = weights[p];
      let sum = ofBytes ? 2097152 : 0;
      for (let k = 0; k < each.length; k++) sum += a[(l * line(length) + (first + k) * step(lines)) * channels + c] * each[k];
      result[(l * line(to) + p * step(lines)) * channels + c] =
        ofBytes ? Math.min(255, Math.floor(sum / 4194304)) : sum;
    }
    return result;
  }
  if (newWidth !== width) a = pass(a, height, width, newWidth, n => n, () => 1);
  if (newHeight !== height) a = pass(a, newWidth, height, newHeight, () => 1, n => n);
  return a;
}

// Of red, green and blue the mixture that changes most from pixel to pixel.
function oneShade(colours, width, height) {
  const sums = [[0, 0, 0], [0, 0, 0], [0, 0, 0]];
  const d = [0, 0, 0];
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) for (const next of [1, width]) {
    if (next === 1 ? x + 1 === width : y + 1 === height) continue;
    const k = y * width + x;
    let differs = 0;
    for (let c = 0; c < 3; c++) differs |= d[c] = colours[3 * (k + next) + c] - colours[3 * k + c];
    if (differs) for (let i = 0; i < 3; i++) for (let j = 0; j < 3; j++) sums[i][j] += d[i] * d[j];
  }
  const {values, vectors} = eigen(sums), which = values.indexOf(Math.max(...values));
  let mixture = vectors.map(row => row[which]);
  if (Math.max(...mixture) - Math.min(...mixture) < 1e-6) mixture = [1, 0, 0];
  if (mixture[0] + mixture[1] + mixture[2] < 0) mixture = mixture.map(m => -m);
  return made(Float64Array, width * height, k =>
    colours[3 * k] * mixture[0] + colours[3 * k + 1] * mixture[1] + colours[3 * k + 2] * mixture[2]);
}

// ---- the ink

// {ink, parts}, as `neurone.ink.find` gives them.
function findInk(grey, width, height) {
  const least = -largestOf(made(Float64Array, grey.length, k => -grey[k])), span = largestOf(grey) - least;
  if (span === 0) return {ink: new Float64Array(grey.length), parts: new Uint8Array(grey.length)};
  grey = made(Float64Array, grey.length, k => (grey[k] - least) * (255 / span));
  if (lightOnDark(grey, width, height)) grey = grey.map(x => 255 - x);
  const dark = darkness(grey, width, height);
  const {parts, rest} = written(dark, width, height);
  const around = dilated(parts, rest, width, height, Math.max(1, sizeOf(width, height, BORDER) >> 1));
  const ink = made(Float64Array, dark.length, k => around[k] ? dark[k] : 0), strongest = largestOf(ink);
  return {ink: strongest > 0 ? ink.map(x => x < FAINTEST * strongest ? 0 : x * (255 / strongest)) : ink, parts};
}

function lightOnDark(grey, width, height) {
  const size = sizeOf(width, height, STROKE);
  const least = extremes(grey, width, height, size, -1), most = extremes(grey, width, height, size, 1);
  const contrast = made(Float64Array, grey.length, k => most[k] - least[k]), half = largestOf(contrast) / 2;
  const low = bytes(grey.length, k => grey[k] < (most[k] + least[k]) / 2);
  const weight = which => {
    const side = bytes(low.length, k => low[k] === which && contrast[k] > half);
    return side.reduce((a, b) => a + b, 0) * thickest(side, width, height) ** 2;
  };
  let edge = 0;
  for (let x = 0; x < width; x++) edge += low[x] + low[(height - 1) * width + x];
  for (let y = 0; y < height; y++) edge += low[y * width] + low[(y + 1) * width - 1];
  edge /= 2 * (width + height);
  return weight(1) * Math.min(3, Math.max(1 / 3, (edge + 0.02) / (1.02 - edge))) > weight(0);
}

function darkness(grey, width, height) {
  let dark = below(grey, width, height);
  for (let round = 0; round < 2; round++) {
    const light = surface(grey, dark, largestOf(dark) * CERTAIN, width, height);
    const before = grey;
    grey = made(Float64Array, grey.length, k => before[k] - light[k]);
    dark = below(grey, width, height);
  }
  return dark;
}

function below(grey, width, height) {
  const size = sizeOf(width, height, STROKE);
  const closed = extremes(extremes(grey, width, height, size, 1), width, height, size, -1);
  const dark = made(Float64Array, grey.length, k => closed[k] - grey[k]), middle = median(dark);
  return made(Float64Array, grey.length, k => Math.max(0, dark[k] - middle));
}

// A parabola of both coordinates through what is no ink, by least squares.
function surface(grey, dark, certain, width, height) {
  const places = n => Float64Array.from({length: n}, (_, k) => n > 1 ? k * (2 / (n - 1)) - 1 : -1);
  const xs = places(width), ys = places(height);
  const powers = [[0, 0], [1, 0], [0, 1], [2, 0], [1, 1], [0, 2]];            // of x and y: 1, x, y, x^2, xy, y^2
  // Sums of x^a y^b over the paper, and of those times the shade, row by row.
  const ofPaper = new Float64Array(25), ofShades = new Float64Array(9);
  for (let y = 0, k = 0; y < height; y++) {
    let n = 0, x1 = 0, x2 = 0, x3 = 0, x4 = 0, g0 = 0, g1 = 0, g2 = 0;
    for (let column = 0; column < width; column++, k++) {
      if (dark[k] > certain) continue;
      const x = xs[column], g = grey[k], xx = x * x;
      n++; x1 += x; x2 += xx; x3 += xx * x; x4 += xx * xx; g0 += g; g1 += g * x; g2 += g * xx;
    }
    for (let b = 0, yb = 1; b < 5; b++, yb *= ys[y]) {
      [n, x1, x2, x3, x4].forEach((sum, a) => { ofPaper[5 * a + b] += sum * yb; });
      if (b < 3) [g0, g1, g2].forEach((sum, a) => { ofShades[3 * a + b] += sum * yb; });
    }
  }
  const {values, vectors} = eigen(powers.map(([a, b]) => powers.map(([c, d]) => ofPaper[5 * (a + c) + b + d])));
  const right = powers.map(([a, b]) => ofShades[3 * a + b]), found = [0, 0, 0, 0, 0, 0];
  values.forEach((value, which) => {
    if (value <= 1e-9 * Math.max(...values)) return;
    const factor = right.reduce((sum, x, i) => sum + x * vectors[i][which], 0) / value;
    for (let i = 0; i < 6; i++) found[i] += factor * vectors[i][which];
  });
  const light = new Float64Array(grey.length), [c0, cx, cy, cxx, cxy, cyy] = found;
  for (let row = 0, k = 0; row < height; row++) for (let column = 0; column < width; column++, k++) {
    const x = xs[column], y = ys[row];
    light[k] = c0 + cx * x + cy * y + cxx * (x * x) + cxy * (x * y) + cyy * (y * y);
  }
  return light;
}

// Where the digit's parts are, and the darkness of what is neither a frame, a line nor a part at the edge.
function written(dark, width, height) {
  let rest = dark, parts = null;
  for (let round = 0; round < ROUNDS; round++) {
    const before = parts, all = rest, certain = CERTAIN * largestOf(all), mask = bytes(all.length, k => all[k] > certain);
    const unframed = without(mask, framesOf(mask, rest, width, height));
    parts = inside(without(unframed, ruled(unframed, width, height)), rest, width, height);
    if (!parts.includes(1)) parts = inside(unframed, rest, width, height);
    if (!parts.includes(1)) parts = largestPart(mask, rest, width, height);
    const left = without(mask, parts);
    rest = made(Float64Array, all.length, k => left[k] ? 0 : all[k]);
    if (before && !without(before, parts).includes(1) && !without(parts, before).includes(1)) break;
  }
  return {parts, rest};
}

// Numbers of the parts, over corners too, from 1 in the order of their first pixels; and how many.
function labelled(mask, width, height) {
  const labels = new Int32Array(mask.length), stack = [];
  let count = 0;
  for (let start = 0; start < mask.length; start++) {
    if (!mask[start] || labels[start]) continue;
    labels[start] = ++count;
    stack.push(start);
    while (stack.length) {
      const k = stack.pop(), x = k % width, y = (k - x) / width;
      for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++)
        for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++)
          if (mask[v * width + u] && !labels[v * width + u]) { labels[v * width + u] = count; stack.push(v * width + u); }
    }
  }
  return {labels, count};
}

function inkOf(labels, count, dark) {
  const ink = new Float64Array(count + 1);
  for (let k = 0; k < labels.length; k++) if (labels[k]) ink[labels[k]] += dark[k];
  return ink;
}

// Parts around others.
function framesOf(mask, dark, width, height) {
  const {labels, count} = labelled(mask, width, height), ink = inkOf(labels, count, dark), most = largestOf(ink);
  const found = new Uint8Array(mask.length);
  for (let number = 1; number <= count; number++) {
    if (!(ink[number] > SPECK * most)) continue;
    const outside = reachedFromEdge(labels, number, width, height);
    if (labels.some((other, k) => !outside[k] && other !== number && ink[other] >= FRAMED * ink[number]))
      labels.forEach((other, k) => { if (other === number) found[k] = 1; });
  }
  return found;
}

// Where one comes from the picture's edge over sides, without crossing part `number`.
function reachedFromEdge(labels, number, width, height) {
  const reached = new Uint8Array(labels.length), stack = [];
  const go = k => { if (!reached[k] && labels[k] !== number) { reached[k] = 1; stack.push(k); } };
  for (let x = 0; x < width; x++) { go(x); go((height - 1) * width + x); }
  for (let y = 0; y < height; y++) { go(y * width); go((y + 1) * width - 1); }
  while (stack.length) {
    const k = stack.pop(), x = k % width;
    if (x > 0) go(k - 1);
    if (x < width - 1) go(k + 1);
    if (k >= width) go(k - width);
    if (k < labels.length - width) go(k + width);
  }
  return reached;
}

function ruled(mask, width, height) {
  const rows = linesOf(mask, width, height), left = without(mask, rows);
  const columns = transposed(linesOf(transposed(left, width, height), height, width), height, width);
  return bytes(mask.length, k => rows[k] | columns[k]);
}

// Straight thin lines along the rows.
function linesOf(mask, width, height) {
  const bent = sizeOf(width, height, BENT), found = new Uint8Array(mask.length), left = mask.slice();
  if (!mask.includes(1)) return found;
  const offsets = SLOPES.map(slope => made(Int32Array, width, x => rint(slope * (x - (width >> 1)))));
  const beyond = largestOf(offsets[20]) + 1, margin = new Uint8Array(beyond * width);
  function thick(mask) {                                                      // with a margin above and below
    const rows = alongRows(transposed(mask, width, height), height, width, bent, 1);
    const to = new Uint8Array(mask.length + 2 * margin.length);
    to.set(transposed(rows, height, width), margin.length);
    return to;
  }
  function covered(near, offset, line) {
    let count = 0;
    for (let x = 0, row = (line + beyond) * width; x < width; x++) count += near[row + offset[x] * width + x];
    return count / width;
  }
  const near = thick(mask), candidates = [];
  offsets.forEach(offset => {
    for (let line = 0; line < height; line++) {
      const share = covered(near, offset, line);
      if (share >= SPAN) candidates.push({offset, line, share});
    }
  });
  candidates.sort((a, b) => b.share - a.share);
  let nearLeft = near;
  for (const {offset, line} of candidates) {
    if (covered(nearLeft, offset, line) < SPAN) continue;
    const still = without(mask, found);
    const {which, touching} = lineAt(still, offset, line, bent >> 1, width, height);
    for (let k = 0; k < mask.length; k++) { found[k] |= which[k]; left[k] &= ~touching[k]; }
    nearLeft = thick(left);
  }
  return found;
}

// The pixels of the line near row line + offset of each column, none if it is not ruled; and all runs of ink there.
function lineAt(mask, offset, line, reach, width, height) {
  const touching = new Uint8Array(mask.length), runs = new Int32Array(mask.length), longest = new Map();
  for (let x = 0; x < width; x++) for (let y = 0; y < height;) {
    if (!mask[y * width + x]) { y++; continue; }
    const above = y - 1;
    while (y < height && mask[y * width + x]) y++;
    for (let v = above + 1; v < y; v++) runs[v * width + x] = y - above - 1;
    const place = line + offset[x];
    if (above < place + reach && y > place - reach) {
      for (let v = above + 1; v < y; v++) touching[v * width + x] = 1;
      longest.set(x, Math.max(longest.get(x) || 0, y - above - 1));
    }
  }
  const met = [...longest.keys()].sort((a, b) => a - b), thickness = median([...longest.values()]);
  const which = bytes(mask.length, k => touching[k] && runs[k] <= 2 * thickness), far = sizeOf(width, height, BENT);
  const across = met[0] < far && met[met.length - 1] >= width - far;
  const isRuled = thickness <= THICK * Math.max(height, width) &&
    (across || thickness < thickest(without(mask, which), width, height) / 2);
  return {which: isRuled ? which : new Uint8Array(mask.length), touching};
}

// Twice the largest distance to a pixel that is not of the mask, in steps over sides or corners.
function thickest(mask, width, height) {
  if (!mask.includes(0)) return 0;                                            // no such pixel
  const wide = width + 2, d = new Int32Array(wide * (height + 2)).fill(1 << 20);   // with a margin
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) if (!mask[y * width + x]) d[(y + 1) * wide + x + 1] = 0;
  let most = 0;
  for (let y = 1, k = wide + 1; y <= height; y++, k += 2) for (let x = 1; x <= width; x++, k++)
    if (d[k]) d[k] = Math.min(d[k], 1 + Math.min(d[k - 1], d[k - wide - 1], d[k - wide], d[k - wide + 1]));
  for (let y = height, k = wide * (height + 1) - 2; y > 0; y--, k -= 2) for (let x = width; x > 0; x--, k--) if (d[k]) {
    d[k] = Math.min(d[k], 1 + Math.min(d[k + 1], d[k + wide + 1], d[k + wide], d[k + wide - 1]));
    if (d[k] > most) most = d[k];
  }
  return 2 * most;
}

// The parts that do not touch the edge, specks left out; none where only specks are there.
function inside(mask, dark, width, height) {
  const {labels, count} = labelled(mask, width, height), ink = inkOf(labels, count, dark), within = ink.slice();
  for (let x = 0; x < width; x++) within[labels[x]] = within[labels[(height - 1) * width + x]] = 0;
  for (let y = 0; y < height; y++) within[labels[y * width]] = within[labels[(y + 1) * width - 1]] = 0;
  const most = largestOf(within);
  if (most < SPECK * largestOf(ink)) return new Uint8Array(mask.length);
  return bytes(mask.length, k => within[labels[k]] >= SPECK * Math.max(most, 1e-300));
}

function largestPart(mask, dark, width, height) {
  const {labels, count} = labelled(mask, width, height), ink = inkOf(labels, count, dark);
  const number = ink.indexOf(largestOf(ink));
  return bytes(mask.length, k => mask[k] && labels[k] === number);
}

// `parts`, and what is reached from them by so many steps over sides or corners where `rest` is above 0.
function dilated(parts, rest, width, height, steps) {
  const to = parts.slice();
  let front = [];
  parts.forEach((is, k) => { if (is) front.push(k); });
  for (let step = 0; step < steps && front.length; step++) {
    const next = [];
    for (const k of front) {
      const x = k % width, y = (k - x) / width;
      for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++)
        for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
          const place = v * width + u;
          if (!to[place] && rest[place] > 0) { to[place] = 1; next.push(place); }
        }
    }
    front = next;
  }
  return to;
}

// ---- one digit

// Where dots are, which are no part of the digit; as `neurone.grouping.grouped`. Rows and columns: [first, end).
function dotsOf(parts, width, height) {
  const {labels, count} = labelled(parts, width, height);
  const found = Array.from({length: count}, (_, k) => ({top: height, bottom: 0, left: width, right: 0, numbers: [k + 1]}));
  labels.forEach((number, k) => {
    if (!number) return;
    const x = k % width, y = (k - x) / width, part = found[number - 1];
    part.top = Math.min(part.top, y); part.bottom = Math.max(part.bottom, y + 1);
    part.left = Math.min(part.left, x); part.right = Math.max(part.right, x + 1);
  });
  const high = part => part.bottom - part.top, wide = part => part.right - part.left;
  found.sort((a, b) => high(b) - high(a));
  const joined = [];
  for (const part of found) {
    const digit = joined.find(digit => together(part, digit));
    if (!digit) { joined.push(part); continue; }
    digit.top = Math.min(digit.top, part.top); digit.bottom = Math.max(digit.bottom, part.bottom);
    digit.left = Math.min(digit.left, part.left); digit.right = Math.max(digit.right, part.right);
    digit.numbers.push(...part.numbers);
  }
  const least = DOT * Math.max(0, ...joined.map(high)), dots = new Set();
  for (const digit of joined) if (Math.max(high(digit), wide(digit)) < least) digit.numbers.forEach(n => dots.add(n));
  return bytes(labels.length, k => dots.has(labels[k]));
}

function together(part, digit) {
  const overlap = (a, b, c, d) => Math.min(b, d) - Math.max(a, c);
  const high = digit.bottom - digit.top, wide = part.right - part.left;
  const columns = overlap(part.left, part.right, digit.left, digit.right);
  const rows = overlap(part.top, part.bottom, digit.top, digit.bottom);
  const above = columns / Math.min(wide, digit.right - digit.left) >= SHARED &&
    Math.max(part.bottom, digit.bottom) - Math.min(part.top, digit.top) <= HIGHER * high;
  const beside = part.bottom - part.top <= LOW * high && wide >= DOT * high && -Math.min(rows, columns) <= NEXT * high;
  return above || beside;
}

// Squared distances to the nearest pixel of the mask.
function squaredDistances(mask, width, height) {
  const far = 1 << 20, columns = new Int32Array(mask.length), to = new Float64Array(mask.length);
  for (let x = 0; x < width; x++) {
    for (let y = 0, d = far; y < height; y++) columns[y * width + x] = d = mask[y * width + x] ? 0 : d + 1;
    for (let y = height - 1, d = far; y >= 0; y--) {
      d = mask[y * width + x] ? 0 : d + 1;
      columns[y * width + x] = Math.min(columns[y * width + x], d);
    }
  }
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
    let least = Infinity;
    for (let u = 0; u < width; u++) least = Math.min(least, (x - u) ** 2 + columns[y * width + u] ** 2);
    to[y * width + x] = least;
  }
  return to;
}

// The image (Uint8Array of 784) of an ImageData, or null where there is no ink.
function imageOf(picture) {
  let {width, height} = picture, colours = opaque(picture);
  const scale = LONGEST / Math.max(width, height);
  if (scale < 1) {
    const reduced = [width, height].map(n => Math.max(1, rint(n * scale)));
    colours = resized(colours, width, height, 3, ...reduced, true);
    [width, height] = reduced;
  }
  const {ink, parts} = findInk(oneShade(colours, width, height), width, height);
  if (!ink.some(x => x > 0)) return null;
  const dots = dotsOf(parts, width, height);
  if (dots.includes(1)) {
    const ofDots = squaredDistances(dots, width, height);
    const ofDigits = squaredDistances(without(parts, dots), width, height);
    ink.forEach((x, k) => { if (ofDots[k] < ofDigits[k]) ink[k] = 0; });
  }
  let top = height, bottom = 0, left = width, right = 0;
  ink.forEach((value, k) => {
    if (value === 0) return;
    const x = k % width, y = (k - x) / width;
    top = Math.min(top, y); bottom = Math.max(bottom, y + 1); left = Math.min(left, x); right = Math.max(right, x + 1);
  });
  const [wide, high] = [right - left, bottom - top];
  const cropped = made(Float32Array, wide * high, k =>
    ink[(top + Math.floor(k / wide)) * width + left + k % wide]);
  return centred(cropped, wide, high);
}

// The longer side fitted in 20 pixels, and the centre of mass brought nearest to pixel (14, 14).
function centred(ink, wide, high) {
  const scale = BOX / Math.max(wide, high);
  const columns = Math.max(1, rint(wide * scale)), rows = Math.max(1, rint(high * scale));
  let fitted = resized(ink, wide, high, 1, columns, rows, scale < 1);
  const factor = Math.fround(255 / largestOf(fitted));
  fitted = fitted.map(x => x * factor);
  let mass = 0, ofRows = 0, ofColumns = 0;
  fitted.forEach((x, k) => { mass += x; ofRows += x * Math.floor(k / columns); ofColumns += x * (k % columns); });
  const place = (sum, extent) => Math.min(Math.max(rint(SIDE / 2 - sum / mass), 0), SIDE - extent);
  const top = place(ofRows, rows), left = place(ofColumns, columns), image = new Uint8Array(SIDE * SIDE);
  fitted.forEach((x, k) => { image[(top + Math.floor(k / columns)) * SIDE + left + k % columns] = rint(x); });
  return image;
}
