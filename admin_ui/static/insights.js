// Draws every <canvas data-chart>, in the colours of the theme, and again when the theme or the part changes.
(() => {
  const drawn = new Map();
  const dark = matchMedia("(prefers-color-scheme: dark)");

  // A token as the browser computes it: `light-dark()` is no colour that a canvas understands.
  function colour(name) {
    const probe = document.createElement("span");
    probe.className = `colour-${name}`;
    probe.hidden = true;
    document.body.append(probe);
    probe.style.color = `var(--${name})`;
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  }

  function draw(canvas) {
    drawn.get(canvas)?.destroy();
    const data = JSON.parse(canvas.dataset.chart);
    const line = colour("line"), quiet = colour("quiet");
    const number = new Intl.NumberFormat(document.documentElement.lang);
    drawn.set(canvas, new Chart(canvas, {
      type: "bar",
      data: {
        labels: data.labels,
        datasets: data.series.map((each) => ({
          type: each.line ? "line" : "bar",
          label: each.name,
          data: each.values,
          backgroundColor: colour(each.colour),
          borderColor: colour(each.colour),
          borderWidth: each.line ? 2 : 0,
          borderDash: each.line ? [6, 4] : [],
          pointRadius: 0,
          borderRadius: 3,
          maxBarThickness: 28,
        })),
      },
      options: {
        animation: false,
        responsive: true,
        maintainAspectRatio: false,
        locale: document.documentElement.lang,
        interaction: { mode: "index", intersect: false },
        plugins: {
          legend: { position: "bottom", align: "start", labels: { color: quiet, boxWidth: 10, boxHeight: 10, font: { size: 12 } } },
          tooltip: { callbacks: { label: (item) => `${item.dataset.label}: ${number.format(item.parsed.y)}` } },
        },
        scales: {
          x: { stacked: !!data.stacked, grid: { display: false }, ticks: { color: quiet, maxRotation: 0, autoSkipPadding: 16 } },
          y: { stacked: !!data.stacked, beginAtZero: true, border: { display: false }, grid: { color: line }, ticks: { color: quiet, maxTicksLimit: 5 } },
        },
      },
    }));
  }

  function all() {
    for (const [canvas, chart] of drawn) if (!canvas.isConnected) { chart.destroy(); drawn.delete(canvas); }
    document.querySelectorAll("canvas[data-chart]").forEach(draw);
  }

  document.addEventListener("DOMContentLoaded", all);
  document.addEventListener("htmx:afterSettle", all);
  dark.addEventListener("change", all);
})();
