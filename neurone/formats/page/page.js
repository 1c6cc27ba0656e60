// Drawing, and showing what the network makes of it.

const PAPER = 100, MARGIN = 10, PEN = 7.5, STEP = 4;                             // in the picture's pixels
const $ = id => document.getElementById(id);
const description = JSON.parse($("networks").textContent);
const networks = description.networks.map(each => {
  const decoded = text => Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer;
  const to = {...each};
  if (each.parameters) to.parameters = new (each.width === 32 ? Float32Array : Float64Array)(decoded(each.parameters));
  if (each.weights) {
    to.weights = new Int8Array(decoded(each.weights));
    for (const name of ["scales", "biases"]) to[name] = new Float32Array(decoded(each[name]));
  }
  return to;
});
const inputs = networks[0].sizes[0], names = description.names;

function answerTo(pixels) {
  if (!(pixels instanceof Uint8Array) || pixels.length !== inputs)
    throw new TypeError(`give a Uint8Array of an image's ${inputs} pixels`);
  return answerOf(networks, pixels);
}

// For other scripts: an image's pixels in, outputs out; and an ImageData as `predict` prepares it, or null without ink.
window.neurone = {predict: pixels => answerTo(pixels).outputs, prepare: imageOf};

// ---- what is on the paper: strokes, each a list of [x, y] from 0 to 1; or a picture

const EMPTY = {strokes: [], picture: null};
let sheet = EMPTY, before = [];                                               // and the sheets that undo brings back
let stroke = null, pointer = null, cursor = [0.5, 0.5];                       // the stroke that the pen is drawing
let waiting = false, opening = 0;
const paper = $("paper"), view = paper.getContext("2d");
const own = Object.assign(document.createElement("canvas"), {width: PAPER + 2 * MARGIN, height: PAPER + 2 * MARGIN});
const draft = own.getContext("2d", {willReadFrequently: true});

function ink(context, size) {
  context.lineWidth = PEN / PAPER * size;
  context.lineCap = context.lineJoin = "round";
  context.strokeStyle = "#000";
  for (const line of sheet.strokes) {
    context.beginPath();
    line.forEach(([x, y]) => context.lineTo(x * size, y * size));
    if (line.length === 1) context.lineTo(line[0][0] * size + 0.01, line[0][1] * size);
    context.stroke();
  }
}

function show() {
  const size = Math.round(paper.clientWidth * (window.devicePixelRatio || 1)) || PAPER;
  paper.width = paper.height = size;
  view.fillStyle = "#fff";
  view.fillRect(0, 0, size, size);
  const {picture} = sheet;
  if (picture) {
    const scale = size / Math.max(picture.width, picture.height), w = picture.width * scale, h = picture.height * scale;
    view.drawImage(picture, (size - w) / 2, (size - h) / 2, w, h);
  }
  ink(view, size);
  if (document.activeElement === paper && paper.matches(":focus-visible")) {
    view.strokeStyle = stroke ? "#c2410c" : "#2a6fb0";
    view.lineWidth = size / 150;
    view.beginPath();
    view.arc(cursor[0] * size, cursor[1] * size, size / 30, 0, 7);
    view.stroke();
  }
  $("undo").disabled = !before.length;
  $("clear").disabled = sheet === EMPTY;
}

// The picture that is read, an ImageData: the paper with a margin, so that no stroke touches an edge.
function drawn() {
  draft.setTransform(1, 0, 0, 1, 0, 0);
  draft.fillStyle = "#fff";
  draft.fillRect(0, 0, own.width, own.height);
  draft.translate(MARGIN, MARGIN);
  ink(draft, PAPER);
  return draft.getImageData(0, 0, own.width, own.height);
}

function pixelsOf(bitmap) {
  const canvas = Object.assign(document.createElement("canvas"), {width: bitmap.width, height: bitmap.height});
  const context = canvas.getContext("2d");
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, bitmap.width, bitmap.height);
}

function read() {
  waiting = false;
  $("said").textContent = "";
  const image = sheet === EMPTY ? null : imageOf(sheet.picture ? pixelsOf(sheet.picture) : drawn());
  if (image) tell(image, answerTo(image));
  else tellNothing(sheet.picture ? "No ink is seen on the picture." : "Nothing yet.");
}

// Another sheet, before which the pen is lifted: what it was drawing may be gone.
function turnTo(next) {
  before.push(sheet);
  sheet = next;
  stroke = null;
}

function changed(now) {
  show();
  if (now) read();
  else if (!waiting) { waiting = true; requestAnimationFrame(() => { if (waiting) read(); }); }
}

// ---- what is told

const rows = names.map(name => {
  const row = document.createElement("li");
  row.innerHTML = '<span class="name"></span><span class="bar" aria-hidden="true"><span></span></span><span class="value"></span>';
  row.children[0].textContent = row.children[0].title = name;
  $("outputs").append(row);
  return row;
});
$("outputs").style.setProperty("--names", `${Math.min(16, Math.max(2, ...names.map(name => name.length)))}ch`);
const lights = networks[0].sizes.slice(1, -1).map((count, layer) => {
  const title = document.createElement("h3"), box = document.createElement("div");
  title.textContent = `Hidden layer ${layer + 1}: ${count} neurons` + (networks.length > 1 ? ", of the first network" : "");
  box.className = count > 200 ? "neurons many" : "neurons";
  box.setAttribute("role", "img");
  for (let k = 0; k < count; k++) box.append(document.createElement("i"));
  $("hidden").append(title, box);
  return box;
});

// Above its middle a neuron is warm, below it cold, and pale near it: 1/2 of logistic neurons, 0 of others.
function light(box, values) {
  const logistic = networks[0].activation === "logistic", middle = logistic ? 0.5 : 0;
  const most = logistic ? 0.5 : Math.max(1e-30, ...values.map(Math.abs).filter(Number.isFinite));
  values.forEach((value, k) => {
    const part = (value - middle) / most || 0;                               // 0 of NaN
    box.children[k].style.background = `rgba(var(--${part > 0 ? "warm" : "cold"}), ${Math.min(1, Math.abs(part)).toFixed(3)})`;
  });
  box.setAttribute("aria-label", `${values.filter(value => value > middle).length} of ${values.length} neurons above ${middle}`);
}

function tell(image, {outputs, hidden}) {
  const single = outputs.length === 1, none = outputs.findIndex(Number.isNaN);   // which comes first, as for NumPy
  const best = single ? 0 : none >= 0 ? none : outputs.indexOf(outputs.reduce((a, b) => b > a ? b : a));
  const answer = single ? description.labels[+(outputs[0] >= 0.5)] : names[best];
  $("answer").innerHTML = "<strong></strong><span></span>";
  $("answer").children[0].textContent = answer;
  $("answer").children[0].className = answer.length > 4 ? "long" : "";
  $("answer").children[1].textContent = `output ${outputs[best].toFixed(3)}`;
  const most = Math.max(1, ...outputs.map(Math.abs).filter(Number.isFinite));
  rows.forEach((row, k) => {
    row.className = k === best ? "best" : "";
    const part = Math.min(1, Math.abs(outputs[k]) / most || 0);
    row.querySelector(".bar span").style.width = `${100 * part}%`;
    row.classList.toggle("negative", outputs[k] < 0);
    row.children[2].textContent = outputs[k].toFixed(3);
  });
  const list = $("outputs");
  list.scrollTop = rows[best].offsetTop - list.clientHeight / 2;
  lights.forEach((box, layer) => light(box, [...hidden[layer]]));
  $("image").setAttribute("aria-label", `The image that is read, as ${answer}`);
  showImage(image);
}

function tellNothing(why) {
  $("answer").textContent = why;
  rows.forEach(row => { row.className = ""; row.children[2].textContent = ""; row.querySelector(".bar span").style.width = 0; });
  lights.forEach(box => [...box.children].forEach(each => { each.style.background = ""; }));
  $("image").setAttribute("aria-label", "No image yet");
  showImage(new Uint8Array(SIDE * SIDE));
}

function showImage(image) {
  const shown = new ImageData(SIDE, SIDE);
  image.forEach((value, k) => shown.data.set([value, value, value, 255], 4 * k));
  $("image").getContext("2d", {willReadFrequently: true}).putImageData(shown, 0, 0);
}

// ---- mouse, finger, pen

function place(event) {
  const box = paper.getBoundingClientRect();
  return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height].map(x => Math.min(1, Math.max(0, x)));
}

paper.addEventListener("pointerdown", event => {
  if (pointer !== null || event.button !== 0) return;
  event.preventDefault();
  paper.focus({focusVisible: false});
  pointer = event.pointerId;
  try { paper.setPointerCapture(pointer); } catch { /* an event that a script made has no pointer */ }
  begin(place(event));
});
paper.addEventListener("pointermove", event => {
  if (event.pointerId !== pointer || !stroke) return;
  const all = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
  stroke.push(...(all.length ? all : [event]).map(place));
  changed();
});
for (const end of ["pointerup", "pointercancel"]) window.addEventListener(end, event => {
  if (event.pointerId !== pointer) return;
  pointer = stroke = null;
  changed(true);
});

function begin(at) {
  const line = [at];
  turnTo({strokes: [...sheet.strokes, line], picture: null});
  stroke = line;
  changed();
}

// ---- keys and buttons

function undo() {
  if (!before.length) return;
  sheet = before.pop();
  stroke = null;
  changed(true);
}

function clear() {
  if (sheet !== EMPTY) turnTo(EMPTY);
  changed(true);
}

$("undo").addEventListener("click", undo);
$("clear").addEventListener("click", clear);
paper.addEventListener("focus", show);
paper.addEventListener("blur", () => { stroke = null; show(); });
paper.addEventListener("keydown", event => {
  const moves = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}, move = moves[event.key];
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (move) {
    cursor = cursor.map((x, k) => Math.min(1, Math.max(0, x + move[k] * STEP / PAPER)));
    if (stroke) stroke.push(cursor);
    changed(true);
  } else if (event.key === " ") {
    if (stroke) stroke = null;
    else begin(cursor);
    changed(true);
  } else if (event.key === "Backspace") undo();
  else if (event.key === "Escape" || event.key === "Delete") clear();
  else return;
  event.preventDefault();
});
document.addEventListener("keydown", event => {
  if ((event.ctrlKey || event.metaKey) && event.key === "z") { event.preventDefault(); undo(); }
});

// ---- pictures

async function open(file) {
  const mine = ++opening;                                                     // of two, the later one counts
  let picture;
  try {
    picture = await createImageBitmap(file, {imageOrientation: "from-image", premultiplyAlpha: "none", colorSpaceConversion: "none"});
  } catch {
    $("said").textContent = `${file.name || "What was pasted"} is no picture that this browser reads.`;
    return;
  }
  if (mine !== opening) return;
  turnTo({strokes: [], picture});
  changed(true);
}

$("file").addEventListener("change", event => { if (event.target.files[0]) open(event.target.files[0]); event.target.value = ""; });
document.addEventListener("paste", event => { if (event.clipboardData.files[0]) open(event.clipboardData.files[0]); });
document.addEventListener("dragover", event => { event.preventDefault(); paper.classList.add("dropping"); });
document.addEventListener("dragleave", () => paper.classList.remove("dropping"));
document.addEventListener("drop", event => {
  event.preventDefault();
  paper.classList.remove("dropping");
  if (event.dataTransfer.files[0]) open(event.dataTransfer.files[0]);
});
window.addEventListener("resize", show);
tellNothing("Nothing yet.");
show();
