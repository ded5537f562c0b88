"""Results as pictures, by matplotlib: one of each case, PNG and SVG.

A case says which panels it has: {"title", "measures"}, and perhaps "stacked"
(parts of a whole), "is_log" and "what" (measure: name in the key).  The rows of
the case go down, bars go right; a line at the end of a bar is from the least to
the most that a round had.
"""

import results

COLOURS = ("#3b6ea5", "#e0903c", "#6aa56a", "#a55a8f", "#8a8a8a", "#c9b458")
HEIGHT, WIDTH = 0.42, 4.2  # inches a row, a panel
LEAST = 3  # as high as for so many rows
# So that the same figures make the same file.
METADATA = {"png": {"Software": None}, "svg": {"Date": None}}


def _end_of(panel, measure):
    return panel.get("what", {}).get(measure) or measure.rpartition(".")[2]


def _bars(axes, panel, rows):
    """The bars of a panel, and the number at the end of each."""
    measures = [measure for measure in panel["measures"]
                if any(results.values(row, measure) for row in rows)]
    is_stacked = panel.get("stacked", False)
    thickness = 0.8 if is_stacked else 0.8 / max(1, len(measures))
    lefts = [0.0] * len(rows)
    for i, measure in enumerate(measures):
        middles = [results.median(row, measure) or 0 for row in rows]
        places = [at if is_stacked else at - 0.4 + thickness * (i + 0.5)
                  for at in range(len(rows))]
        axes.barh(places, middles, thickness, left=lefts if is_stacked else 0,
                  color=COLOURS[i % len(COLOURS)],
                  label=_end_of(panel, measure))
        if is_stacked:
            lefts = [a + b for a, b in zip(lefts, middles)]
            continue
        for at, row, middle in zip(places, rows, middles):
            seen = results.values(row, measure)
            end = middle
            if seen and len(measures) == 1:
                axes.plot([min(seen), max(seen)], [at, at], color="black",
                          linewidth=1)
                end = max(seen)
            _say(axes, end, at, middle, bool(seen))
    if is_stacked:
        for at, whole in enumerate(lefts):
            _say(axes, whole, at, whole, whole > 0)
    if len(measures) > 1:
        axes.legend(fontsize=7, loc="lower center", ncol=len(measures),
                    bbox_to_anchor=(0.5, -0.02 - 1.1 / max(LEAST, len(rows))),
                    frameon=False)


def _say(axes, x, y, value, is_there):
    if is_there:
        axes.annotate(f"{value:,.0f}" if value >= 10 else f"{value:,.2f}",
                      (x, y), xytext=(3, 0), textcoords="offset points",
                      va="center", fontsize=7)


def draw(name, case, folder):
    """Write NAME.png and NAME.svg into FOLDER."""
    import matplotlib  # pylint: disable=import-outside-toplevel
    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "trys3"
    from matplotlib import pyplot  # pylint: disable=import-outside-toplevel

    rows = [row for row in case["rows"] if row.get("rounds")]
    panels = [panel for panel in case["panels"]
              if any(results.values(row, measure) for row in rows
                     for measure in panel["measures"])]
    if not rows or not panels:
        return
    figure, all_axes = pyplot.subplots(
        1, len(panels), squeeze=False, layout="constrained",
        figsize=(WIDTH * len(panels) + 1, HEIGHT * max(LEAST, len(rows)) + 1.6))
    for i, (axes, panel) in enumerate(zip(all_axes[0], panels)):
        _bars(axes, panel, rows)
        axes.set_title(panel["title"], fontsize=9)
        axes.set_yticks(range(len(rows)),
                        [row["name"] for row in rows] if i == 0 else [])
        axes.invert_yaxis()
        axes.tick_params(labelsize=8)
        if panel.get("is_log"):
            axes.set_xscale("log")
        else:
            axes.set_xlim(left=0)
        axes.margins(x=0.18)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="x", linewidth=0.4, alpha=0.5)
        axes.set_axisbelow(True)
    figure.suptitle(case["title"], fontsize=11)
    for kind, metadata in METADATA.items():
        figure.savefig(folder / f"{name}.{kind}", dpi=130, metadata=metadata)
    pyplot.close(figure)
