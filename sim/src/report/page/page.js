"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { lanes, faults, steps, verdict } = data;
  const rows = steps.rows;
  const byId = (id) => document.getElementById(id);

  copyCommand();
  if (rows.length === 0) return;

  const ROW = 22, HEAD_FLAT = 26, HEAD_TALL = 84, SNAPSHOT_EVERY = 200;
  const slider = byId("slider"), graph = byId("graph");
  const snapshots = [steps.states];
  const places = faultRows();
  let current = 0;

  byId("stepper").hidden = false;
  slider.max = rows.length - 1;
  fillJumps();
  slider.addEventListener("input", () => show(Number(slider.value)));
  document.querySelectorAll("[data-go]").forEach((button) => button.addEventListener("click", () => go(button.dataset.go)));
  byId("jump").addEventListener("change", (event) => show(Number(event.target.value)));
  byId("glance").addEventListener("click", jumpToMoment);
  new ResizeObserver(draw).observe(graph);
  show(isViolated() ? rows.length - 1 : 0);

  // Where to.

  function go(where) {
    show({ first: 0, previous: current - 1, next: current + 1, last: rows.length - 1 }[where]);
  }

  function show(step) {
    current = Math.max(0, Math.min(rows.length - 1, step));
    slider.value = current;
    slider.setAttribute("aria-valuetext", `step ${current + 1} of ${rows.length}, ${seconds(rows[current].at_ns)}: ${phrase(rows[current])}`);
    moveCursor();
    tellNow();
    tellStates();
    draw();
  }

  function rowAt(nanos) {
    let low = 0, high = rows.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (rows[middle].at_ns < nanos) low = middle + 1; else high = middle;
    }
    return low;
  }

  function jumpToMoment(event) {
    const track = byId("glance").querySelector(".axis .track").getBoundingClientRect();
    const share = (event.clientX - track.left) / track.width;
    if (share >= 0 && share <= 1) show(rowAt(share * data.end_ns));
  }

  function moveCursor() {
    const glance = byId("glance").getBoundingClientRect();
    const track = byId("glance").querySelector(".axis .track").getBoundingClientRect();
    const share = Math.min(1, rows[current].at_ns / Math.max(1, data.end_ns));
    byId("cursor").hidden = false;
    byId("cursor").style.left = `${track.left - glance.left + share * track.width}px`;
  }

  function fillJumps() {
    const targets = [[rows.length - 1, isViolated() ? `the violation, ${seconds(data.end_ns)}` : "the end"]];
    const moment = (nanos, name) => {
      if (nanos != null && nanos >= rows[0].at_ns) targets.push([rowAt(nanos), `${name}, ${seconds(nanos)}`]);
    };
    moment(data.certain_ns, "certain from here on");
    moment(data.divergence_ns, "parts from the run that passes");
    rows.forEach((row, index) => {
      if (row.kind === "fault_began") targets.push([index, `fault ${row.number}: ${faults[row.number].kind.replaceAll("_", " ")}, ${seconds(row.at_ns)}`]);
      if (row.kind === "healed") targets.push([index, `everything is healed, ${seconds(row.at_ns)}`]);
    });
    byId("jump").replaceChildren(...targets.map(([index, name]) => Object.assign(document.createElement("option"), { value: index, textContent: name })));
  }

  // In words.

  function seconds(nanos) {
    return `${(nanos / 1e9).toFixed(3)} s`;
  }

  function exactSeconds(nanos) {
    const whole = Math.floor(nanos / 1e9);
    return `${whole}.${String(nanos - whole * 1e9).padStart(9, "0")} s`;
  }

  function name(lane) {
    return lane == null ? "" : lanes[lane].name;
  }

  function isViolated() {
    return typeof verdict === "object";
  }

  function phrase(row) {
    const [lane, peer, number] = [name(row.lane), name(row.peer), row.number == null ? "" : ` (${row.number})`];
    switch (row.kind) {
      case "asked": return `${lane} asks ${peer}${number}: ${row.text}`;
      case "answered": return row.text.startsWith("is ") ? `${lane} ${row.text}${number}` : `${lane} is answered${number}: ${row.text}`;
      case "declined": case "unanswered": return `${lane} ${row.text}${number}`;
      case "announced": return row.text.startsWith(`${lane} `) ? row.text : `${lane} announces ${row.text}`;
      case "sent": return `${lane} sends to ${peer}: ${row.text}`;
      case "arrived": return `${lane} hears ${row.fate === "duplicate" ? "once more " : ""}from ${peer}: ${row.text}`;
      case "written": return `${lane} writes ${row.text}`;
      case "synced": return `${lane} has ${row.text} records synced`;
      case "thrown": return `${lane} throws ${row.text}`;
      case "state": return `${lane} steps: ${row.changes.length} ${row.changes.length === 1 ? "change" : "changes"}`;
      case "fault_began": return `fault ${row.number} begins: ${faults[row.number].sentence}`;
      case "fault_over": return `fault ${row.number} is over (${faults[row.number].kind.replaceAll("_", " ")})`;
      default: return row.text;
    }
  }

  function tellNow() {
    const row = rows[current];
    const at = element("span", "at", exactSeconds(row.at_ns));
    const fates = { lost: "It is lost.", under_way: "It had not arrived when the run ended." };
    const fate = row.kind === "sent" && fates[row.fate] ? ` ${fates[row.fate]}` : "";
    byId("now").replaceChildren(at, `${phrase(row)}.${fate}`.replace("..", "."));
    if (current === rows.length - 1 && isViolated()) {
      byId("now").append(" ", element("strong", "bad", `Here ${verdict.violated.property} is violated.`));
    }
  }

  // States.

  function tellStates() {
    const row = rows[current];
    const states = statesAfter(current);
    const list = (row.changes ?? []).map((change) => {
      const entry = document.createElement("div");
      entry.append(element("dt", "", change.path === "" ? "the whole state" : change.path));
      if ("before" in change && change.before !== null) entry.append(wrapped("dd", element("del", "", brief(change.before))));
      if ("value" in change) entry.append(wrapped("dd", element("ins", "", brief(change.value))));
      return entry;
    });
    byId("changes").replaceChildren(list.length ? wrapped("dl", ...list) : element("p", "quiet", "Nothing in the machines' states."));
    const open = new Set([...byId("states").querySelectorAll("details[open]")].map((details) => details.dataset.lane));
    byId("states").replaceChildren(...lanes.map((_, lane) => lane).filter((lane) => lane in states).map((lane) => {
      const details = document.createElement("details");
      details.dataset.lane = lane;
      const stepped = row.kind === "state" && row.lane === lane;
      details.append(element("summary", stepped ? "stepped" : "", name(lane) + (states[lane] === null ? ", down" : "")));
      const fill = () => details.childElementCount < 2 && details.append(element("pre", "", JSON.stringify(states[lane], null, 1)));
      details.addEventListener("toggle", fill);
      if (open.has(String(lane))) { details.open = true; fill(); }
      return details;
    }));
    if (!byId("states").hasChildNodes()) byId("states").replaceChildren(element("p", "quiet", "No machine has shown its state yet."));
  }

  function brief(value) {
    const text = JSON.stringify(value);
    return text.length > 600 ? `${text.slice(0, 600)}…` : text;
  }

  /** Every so many rows the states are kept, so that going back is quick. */
  function statesAfter(step) {
    const wanted = Math.floor(step / SNAPSHOT_EVERY);
    while (snapshots.length <= wanted) {
      const from = (snapshots.length - 1) * SNAPSHOT_EVERY;
      snapshots.push(replay(snapshots.at(-1), from, from + SNAPSHOT_EVERY));
    }
    return replay(snapshots[wanted], wanted * SNAPSHOT_EVERY, step + 1);
  }

  function replay(states, from, to) {
    const replayed = structuredClone(states);
    for (const row of rows.slice(from, to)) {
      for (const change of row.changes ?? []) replayed[row.lane] = changed(replayed[row.lane], change);
    }
    return replayed;
  }

  /** JSON Patch (RFC 6902), as far as it is used here. */
  function changed(state, { op, path, value }) {
    if (path === "") return structuredClone(value);
    const names = path.slice(1).split("/").map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
    const last = names.pop();
    const parent = names.reduce((place, part) => place[part], state);
    if (Array.isArray(parent)) {
      parent.splice(Number(last), op === "add" ? 0 : 1, ...(op === "remove" ? [] : [structuredClone(value)]));
    } else if (op === "remove") {
      delete parent[last];
    } else {
      parent[last] = structuredClone(value);
    }
    return state;
  }

  // The picture.

  function draw() {
    const width = graph.clientWidth;
    if (width === 0) return;
    const shown = Math.min(rows.length, window.innerWidth < 640 ? 21 : 31);
    const first = Math.max(0, Math.min(current - (shown >> 1), rows.length - shown));
    const layout = arrange(width, first, shown);
    const picture = svg("svg", { width, height: layout.bottom + 6, role: "img", "aria-label": `steps ${first + 1} to ${first + shown}` });
    picture.append(...wires(layout), ...bands(layout), ...highlights(layout), ...spans(layout), ...flights(layout), ...glyphs(layout), ...texts(layout), ...heads(layout));
    picture.addEventListener("click", (event) => {
      const row = Math.floor((event.clientY - picture.getBoundingClientRect().top - layout.top) / ROW);
      if (row >= 0 && row < shown) show(first + row);
    });
    graph.replaceChildren(picture);
  }

  function arrange(width, first, shown) {
    const times = width < 520 ? 0 : 92;
    const room = width - times - (width < 520 ? 90 : Math.min(360, width * 0.42));
    const pitch = Math.max(13, Math.min(width < 520 ? 26 : 72, room / lanes.length));
    const tall = pitch < 8 + 6.4 * Math.max(...lanes.map((lane) => lane.name.length));
    const top = tall ? HEAD_TALL : HEAD_FLAT;
    return {
      width, first, shown, times, pitch, tall, top, bottom: top + shown * ROW,
      x: (lane) => times + pitch * (lane + 0.5),
      y: (row) => top + (row - first + 0.5) * ROW,
      text: times + pitch * lanes.length + 10,
      has: (row) => row >= first && row < first + shown,
    };
  }

  function wires({ x, top, bottom, first, shown, y, has }) {
    const pieces = [];
    lanes.forEach((lane, index) => {
      pieces.push(svg("line", { class: "wire", x1: x(index), x2: x(index), y1: top, y2: bottom }));
    });
    for (const gap of data.gaps) {
      const from = rowAt(gap.from_ns), to = gap.to_ns == null ? rows.length : rowAt(gap.to_ns);
      if (to < first || from >= first + shown) continue;
      const y1 = has(from) ? y(from) : top, y2 = to < rows.length && has(to) ? y(to) : bottom;
      pieces.push(svg("rect", { x: x(gap.lane) - 3, y: y1, width: 6, height: Math.max(0, y2 - y1), fill: "var(--paper)" }));
      pieces.push(svg("line", { class: "down", x1: x(gap.lane), x2: x(gap.lane), y1, y2 }));
    }
    return pieces;
  }

  function faultRows() {
    return faults.map((fault, number) => {
      const find = (kind) => rows.findIndex((row) => row.kind === kind && row.number === number);
      const [began, over] = [find("fault_began"), find("fault_over")];
      const before = rows[0].at_ns > fault.start_ms * 1e6;
      if (began < 0 && !before) return null;
      if (began < 0 && over < 0 && rows[0].at_ns > fault.end_ms * 1e6) return null;
      return { from: began < 0 ? 0 : began, to: over < 0 ? rows.length : over };
    });
  }

  function bands({ x, y, pitch, top, bottom, first, shown, has }) {
    return places.flatMap((place, number) => {
      if (place === null || place.to < first || place.from >= first + shown) return [];
      const y1 = has(place.from) ? y(place.from) : top, y2 = has(place.to) ? y(place.to) : bottom;
      return faults[number].lanes.map((lane) => {
        const band = svg("rect", { class: `fault ${faults[number].class}`, x: x(lane) - pitch * 0.38, y: y1, width: pitch * 0.76, height: Math.max(2, y2 - y1) });
        band.append(Object.assign(svg("title", {}), { textContent: `fault ${number}: ${faults[number].sentence}` }));
        return band;
      });
    });
  }

  function highlights({ width, y, top, bottom, has, first, shown }) {
    const pieces = [svg("rect", { class: "current", x: 0, y: y(current) - ROW / 2, width, height: ROW })];
    const line = (row, kind, label) => {
      if (!has(row)) return;
      const at = y(row) - ROW / 2;
      pieces.push(svg("line", { class: kind, x1: 0, x2: width, y1: at, y2: at }));
      pieces.push(Object.assign(svg("text", { class: "beam", x: width - 4, y: at - 3, "text-anchor": "end" }), { textContent: label }));
    };
    if (data.divergence_ns != null && data.divergence_ns >= rows[0].at_ns) line(rowAt(data.divergence_ns), "part-line", "parts from the run that passes");
    if (isViolated() && first + shown === rows.length) pieces.push(svg("line", { class: "verdict-line", x1: 0, x2: width, y1: bottom, y2: bottom }));
    return pieces;
  }

  function spans({ x, y, top, bottom, first, shown, has }) {
    const pieces = [];
    rows.forEach((row, index) => {
      if (row.kind !== "asked" || index >= first + shown || (row.other ?? rows.length) < first) return;
      const kind = row.other == null ? "open" : rows[row.other].kind;
      const y1 = has(index) ? y(index) : top, y2 = row.other != null && has(row.other) ? y(row.other) : bottom;
      pieces.push(svg("line", { class: `span ${kind}`, x1: x(row.lane), x2: x(row.lane), y1, y2 }));
    });
    return pieces;
  }

  function flights(layout) {
    const { first, shown } = layout;
    const pieces = [];
    rows.forEach((row, index) => {
      if (row.kind === "arrived" && (index >= first) && (row.other ?? 0) < first + shown) pieces.push(...arrow(layout, row.other, index, row));
      if (row.kind === "sent" && row.other == null && layout.has(index)) pieces.push(...stub(layout, index, row));
      if (["asked", "answered", "declined", "unanswered"].includes(row.kind) && row.peer != null && layout.has(index)) pieces.push(...call(layout, index, row));
    });
    return pieces;
  }

  function arrow({ x, y, first, shown, top, bottom, pitch }, sent, arrived, row) {
    const kind = row.fate === "duplicate" ? " duplicate" : "";
    const from = { x: x(row.peer), y: sent == null ? top : y(sent) }, to = { x: x(row.lane), y: y(arrived) };
    if (sent == null && arrived >= first + shown) return [];
    if (row.peer === row.lane) {
      const reach = Math.min(14, pitch * 0.4), path = `M${from.x} ${clip(from.y)}C${from.x + reach} ${clip(from.y)} ${to.x + reach} ${clip(to.y)} ${to.x} ${clip(to.y)}`;
      return [svg("path", { class: `flight${kind}`, d: path })];
    }
    const at = (height) => (to.y === from.y ? to.x : from.x + (to.x - from.x) * (height - from.y) / (to.y - from.y));
    const y1 = Math.max(top, from.y), y2 = Math.min(bottom, to.y);
    if (y1 >= y2) return [];
    const pieces = [svg("path", { class: `flight${kind}`, d: `M${at(y1)} ${y1}L${at(y2)} ${y2}` })];
    if (to.y <= bottom) pieces.push(arrowHead(from, to, kind));
    return pieces;

    function clip(height) { return Math.max(top, Math.min(bottom, height)); }
  }

  function arrowHead(from, to, kind) {
    const angle = Math.atan2(to.y - from.y, to.x - from.x) * 180 / Math.PI;
    return svg("path", { class: `head${kind}`, d: "M0 0l-7-3.6v7.2z", transform: `translate(${to.x} ${to.y}) rotate(${angle})` });
  }

  function stub({ x, y }, index, row) {
    const from = { x: x(row.lane), y: y(index) };
    const away = row.peer === row.lane ? 0.4 : 0.55;
    const to = { x: from.x + ((row.peer === row.lane ? from.x + 20 : x(row.peer)) - from.x) * away, y: from.y + ROW * 0.6 };
    const pieces = [svg("path", { class: `flight ${row.fate}`, d: `M${from.x} ${from.y}L${to.x} ${to.y}` })];
    if (row.fate === "lost") pieces.push(svg("path", { class: "cross", d: "M-4 -4L4 4M4 -4L-4 4", transform: `translate(${to.x} ${to.y})` }));
    return pieces;
  }

  function call({ x, y }, index, row) {
    const [client, node, height] = [x(row.lane), x(row.peer), y(index)];
    const [from, to] = row.kind === "asked" ? [client, node] : [node, client];
    const back = Math.sign(to - from) * 6;
    return [
      svg("path", { class: "flight ask", d: `M${from} ${height}H${to - back}` }),
      svg("path", { class: "head ask", d: `M${to} ${height}l${-back} -3v6z` }),
    ];
  }

  function glyphs({ x, y, first, shown }) {
    return rows.slice(first, first + shown).flatMap((row, offset) => {
      if (row.lane == null) return [];
      const place = `translate(${x(row.lane)} ${y(first + offset)})`;
      const shape = (d, kind = "glyph") => [svg("path", { class: kind, d, transform: place })];
      switch (row.kind) {
        case "state": return shape("M0 -4.5L4.5 0L0 4.5L-4.5 0Z", "ring");
        case "written": return shape("M-4 -1.2h8v2.4h-8z");
        case "synced": return shape("M-4 -3.5h8v2.4h-8zM-4 1.1h8v2.4h-8z");
        case "announced": return shape("M-3 -3h6v6h-6z");
        case "thrown": return shape("M0 -2.5L2.5 0L0 2.5L-2.5 0Z");
        case "ended": return shape("M-4.5 -4.5L4.5 4.5M4.5 -4.5L-4.5 4.5", "cross");
        case "recovered": return shape("M0 -5L5 4H-5Z");
        case "arrived": return row.peer === row.lane ? shape("M-2.5 0a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0 -5 0") : [];
        default: return shape("M-2.5 0a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0 -5 0");
      }
    });
  }

  function texts({ width, times, text, y, first, shown }) {
    const room = Math.max(4, Math.floor((width - text) / 6.7));
    return rows.slice(first, first + shown).flatMap((row, offset) => {
      const index = first + offset, at = y(index) + 4;
      const told = phrase(row);
      const pieces = [];
      const same = offset > 0 && rows[index - 1].at_ns === row.at_ns;
      if (times > 0 && !same) pieces.push(Object.assign(svg("text", { class: "at", x: times - 12, y: at, "text-anchor": "end" }), { textContent: (row.at_ns / 1e9).toFixed(6) }));
      const label = told.length > room ? `${told.slice(0, room - 1)}…` : told;
      pieces.push(Object.assign(svg("text", { class: row.kind === "state" || row.kind === "thrown" ? "quiet" : "", x: text, y: at }), { textContent: label }));
      return pieces;
    });
  }

  function heads({ x, tall, top }) {
    return lanes.map((lane, index) => {
      const place = tall ? { transform: `translate(${x(index) + 4} ${top - 6}) rotate(-90)` } : { x: x(index), y: top - 10, "text-anchor": "middle" };
      return Object.assign(svg("text", { class: lane.client ? "quiet" : "", ...place }), { textContent: lane.name });
    });
  }

  // Elements.

  function element(tag, kind, text) {
    const made = document.createElement(tag);
    if (kind) made.className = kind;
    made.textContent = text;
    return made;
  }

  function wrapped(tag, ...inside) {
    const made = document.createElement(tag);
    made.append(...inside);
    return made;
  }

  function svg(tag, attributes) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
    return made;
  }

  function copyCommand() {
    const button = byId("copy");
    if (!navigator.clipboard) return;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(byId("command").textContent);
      button.textContent = "copied";
    });
  }
})();
