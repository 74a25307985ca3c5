"use strict";
// Files go one after another, so that the list shows what became of each.
(() => {
  const drop = document.getElementById("drop");
  if (!drop) return;
  const input = document.getElementById("files");
  const results = document.getElementById("results");
  const progress = document.getElementById("progress");
  const chosen = document.getElementById("chosen");
  const said = drop.dataset;
  const count = { all: 0, done: 0, bad: 0 };
  let last = Promise.resolve();

  const ticked = (id) => Boolean(document.getElementById(id)?.checked);

  function wishes() {
    const query = new URLSearchParams();
    if (ticked("visible")) query.set("visible", "1");
    const lasting = document.getElementById("lasting");
    if (lasting && lasting.value) query.set("lasting", lasting.value);
    return query;
  }

  function row(name) {
    const line = results.insertRow();
    const head = document.createElement("th");
    head.scope = "row";
    head.textContent = name;
    line.append(head);
    const state = line.insertCell();
    state.textContent = said.working;
    return state;
  }

  function tell() {
    progress.textContent = said.counted.replace(/\{(\w+)\}/g, (_, name) => count[name]);
  }

  function show(state, told) {
    state.replaceChildren();
    state.className = `state-${told.state}`;
    const label = document.createElement("span");
    label.className = "label";
    label.textContent = told.label;
    state.append(label);
    if (told.out) {
      const link = document.createElement("a");
      link.href = `/signed?name=${encodeURIComponent(told.out)}`;
      link.textContent = `${told.out} (${said.save})`;
      state.append(" ", link);
    }
    for (const html of [told.sentence, told.details]) {
      if (!html) continue;
      const part = document.createElement("div");
      part.innerHTML = html; // escaped by the desk
      state.append(part);
    }
    count.done += 1;
    if (!["valid", "proved"].includes(told.state)) count.bad += 1;
    tell();
  }

  function queue(name, address, body) {
    const state = row(name);
    count.all += 1;
    tell();
    last = last
      .then(() => fetch(address, { method: "POST", body }))
      .then((answer) => answer.json())
      .catch(() => ({ state: "invalid", label: said.gone }))
      .then((told) => show(state, told));
  }

  function each(files) {
    for (const file of files) {
      const query = wishes();
      query.set("name", file.name);
      queue(file.name, `/${said.verb}?${query}`, file);
    }
  }

  // One signature over several files: which one is the application must be said first.
  function together(files) {
    const legend = document.createElement("legend");
    legend.textContent = said.application;
    const set = document.createElement("fieldset");
    set.append(legend);
    files.forEach((file, number) => {
      const label = document.createElement("label");
      const box = document.createElement("input");
      Object.assign(box, { type: "radio", name: "application", value: number, required: true });
      box.checked = number === 0;
      label.append(box, ` ${file.name}`);
      const line = document.createElement("p");
      line.className = "check";
      line.append(label);
      set.append(line);
    });
    const button = document.createElement("button");
    button.textContent = said.togetherDo;
    chosen.replaceChildren(set, button);
    chosen.hidden = false;
    chosen.querySelector("input").focus();
    chosen.onsubmit = (event) => {
      event.preventDefault();
      const first = files[Number(new FormData(chosen).get("application"))];
      const body = new FormData();
      body.append("application", first.name);
      for (const file of files) body.append("file", file, file.name);
      chosen.hidden = true;
      queue(first.name, `/package?${wishes()}`, body);
    };
  }

  function take(list) {
    const files = [...list];
    if (!files.length) return;
    if (ticked("together")) together(files);
    else each(files);
  }

  input.addEventListener("change", () => { take(input.files); input.value = ""; });
  drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    take(event.dataTransfer.files);
  });
})();
// An update under way: how far it is, until it is over.
(() => {
  const said = document.getElementById("now-said");
  if (!said) return;
  const bar = document.getElementById("now-bar");
  const ask = () => fetch("/now").then((answer) => answer.json()).then((now) => {
    if (now.over) return location.assign("/update");
    if (now.said && said.textContent !== now.said) said.textContent = now.said;
    bar.max = Number(now.total) || 1;
    if (Number(now.total)) bar.value = Number(now.done);
    else bar.removeAttribute("value");
    return setTimeout(ask, 500);
  }).catch(() => setTimeout(ask, 2000));
  setTimeout(ask, 500);
})();
