/* What pages do beyond links and forms: the menu of small screens, copying, asking before it is done, charts.
   Everything works without it, less conveniently. */
"use strict";

function setUpMenu() {
  const button = document.querySelector("button.menu");
  const sections = document.getElementById("sections");
  if (!button || !sections) return;
  button.hidden = false;
  document.body.classList.add("has-menu");
  button.addEventListener("click", () => {
    const opens = button.getAttribute("aria-expanded") !== "true";
    button.setAttribute("aria-expanded", String(opens));
    sections.classList.toggle("open", opens);
    if (opens) sections.querySelector("a").focus();
  });
  sections.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && sections.classList.contains("open")) {
      button.click();
      button.focus();
    }
  });
}

async function copy(button) {
  const text = document.getElementById(button.dataset.copy).textContent;
  const before = button.dataset.label || button.textContent;
  button.dataset.label = before;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    const range = document.createRange(); // plain HTTP has no clipboard: select it for Ctrl+C
    range.selectNodeContents(document.getElementById(button.dataset.copy));
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    button.textContent = "Selected";
  }
  setTimeout(() => (button.textContent = before), 2000);
}

function ask(form) {
  const dialog = document.createElement("dialog");
  const text = document.createElement("p");
  text.id = "question";
  text.textContent = form.dataset.confirm;
  const row = document.createElement("form");
  row.method = "dialog";
  const no = document.createElement("button");
  no.className = "quiet";
  no.textContent = "Leave it";
  const yes = document.createElement("button");
  yes.value = "yes";
  yes.textContent = [...form.elements].find((each) => each.type === "submit").textContent; // inside or not
  row.append(no, yes);
  const box = document.createElement("article");
  box.append(text, row);
  dialog.append(box);
  dialog.setAttribute("aria-labelledby", "question");
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (dialog.returnValue === "yes") {
      form.dataset.confirmed = "yes";
      form.requestSubmit();
    }
  });
  document.body.append(dialog);
  dialog.showModal();
}

/* <div class="chart" data-chart='{"times":[…],"series":[{"label":"Delivered","values":[…],"color":"good"}],"unit":""}'> */
function draw(place) {
  if (!window.uPlot) return;
  const given = JSON.parse(place.dataset.chart);
  const style = getComputedStyle(document.documentElement);
  const color = (name) => style.getPropertyValue(`--${name}`).trim() || name;
  const text = color("quiet");
  const size = () => ({ width: place.clientWidth, height: Math.min(280, Math.max(160, place.clientWidth * 0.4)) });
  const days = given.times.length > 1 && given.times[1] - given.times[0] >= 86400;
  const words = new Intl.DateTimeFormat("en-GB", {
    timeZone: "UTC",
    ...(days ? { day: "numeric", month: "short" } : { hour: "2-digit", minute: "2-digit" }),
  });
  const time = (seconds) => (seconds == null ? "–" : words.format(new Date(seconds * 1e3)));
  const axis = { stroke: text, grid: { stroke: color("line"), width: 1 }, ticks: { stroke: color("line") } };
  const plot = new uPlot(
    {
      ...size(),
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1e3), "Etc/UTC"),
      scales: { y: { range: (self, low, high) => [0, Math.max(1, high * 1.1)] } },
      axes: [
        {
          ...axis,
          space: 60,
          incrs: (days ? [1, 2, 7, 14, 28] : [1 / 24, 1 / 8, 1 / 4, 1 / 2]).map((each) => each * 86400),
          values: (self, splits) => splits.map(time),
        },
        { ...axis, size: 60 },
      ],
      series: [
        { label: "Time", value: (self, value) => time(value) },
        ...given.series.map((each) => ({
          label: each.label,
          stroke: color(each.color),
          width: 2,
          dash: each.dashed ? [4, 4] : undefined,
          points: { show: given.times.length < 40 },
          value: (self, value) => (value == null ? "–" : `${value.toLocaleString("en")}${given.unit || ""}`),
        })),
      ],
    },
    [given.times, ...given.series.map((each) => each.values)],
    place,
  );
  new ResizeObserver(() => plot.setSize(size())).observe(place);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-copy]");
  if (button) copy(button);
});
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.confirm && form.dataset.confirmed !== "yes") {
    event.preventDefault();
    ask(form);
  }
});

/* <form data-live="ID of a button">: what the button shows in its frame follows what is typed. A fresh frame each
   time, or the browser's way back would lead through them all. */
function follow(form) {
  const button = document.getElementById(form.dataset.live);
  const show = () => {
    const frame = document.querySelector(`iframe[name="${button.formTarget}"]`);
    frame.replaceWith(frame.cloneNode());
    form.requestSubmit(button);
  };
  let timer;
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(show, 700);
  });
  show();
}

function enliven(root) {
  for (const button of root.querySelectorAll("button[data-copy]")) button.hidden = false;
  for (const place of root.querySelectorAll("[data-chart]:empty")) draw(place);
}

document.addEventListener("DOMContentLoaded", () => {
  setUpMenu();
  for (const form of document.querySelectorAll("form[data-live]")) follow(form);
  enliven(document);
});
document.addEventListener("htmx:after:swap", () => enliven(document));
/* A list that asks for itself again waits while something in it is ticked: the ticks would be lost. */
document.addEventListener("htmx:before:request", (event) => {
  if (event.target.matches("[data-waits]") && event.target.querySelector("input:checked")) event.preventDefault();
});
