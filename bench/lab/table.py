"""Results as Markdown."""

import results


def number(value, digits):
    """VALUE with so many DIGITS behind the point."""
    return "" if value is None else f"{value:,.{digits}f}"


def _columns(case):
    """Those that are not empty."""
    return [column for column in case["columns"]
            if any(results.values(row, column["measure"])
                   for row in case["rows"])]


def _cells(case, row):
    if "skipped" in row:
        return [f"{row['title']}: skipped, {row['skipped']}"] + [
            "" for _ in _heads(case)[1:]]
    cells = [row["title"]]
    for column in _columns(case):
        seen = results.values(row, column["measure"])
        text = number(results.median(row, column["measure"]),
                      column["digits"])
        if column["spread"] and len(seen) > 1:
            text += " ({} to {})".format(*(number(end(seen), column["digits"])
                                           for end in (min, max)))
        cells.append(text)
        if column["ratio"] and case["baseline"]:
            base = results.find_row(case, case["baseline"])
            cells.append(number(results.ratio(row, base, column["measure"]),
                                2))
    return cells


def _heads(case):
    heads = [""]
    for column in _columns(case):
        heads.append(column["title"])
        if column["ratio"] and case["baseline"]:
            heads.append("ratio")
    return heads


def _line(cells):
    return "| " + " | ".join(cells) + " |\n"


def markdown(heads, rows):
    """A table; the first column is text, the others are numbers."""
    return (_line(heads) + _line(["---"] + ["---:"] * (len(heads) - 1)) +
            "".join(map(_line, rows)))


def of_case(case):
    """The table of a case, with what stands above it; or why there is none."""
    if "failed" in case:
        return f"## {case['title']}\n\n**Failed**: {case['failed']}\n"
    base = results.find_row(case, case["baseline"])
    n_rounds = max((len(row.get("rounds", ())) for row in case["rows"]),
                   default=0)
    words = [case["note"], f"Medians of {n_rounds} rounds."]
    if base:
        words.append(f"Ratios are to: {base['title']}")
    return (f"## {case['title']}\n\n{' '.join(words)}\n\n" +
            markdown(_heads(case), (_cells(case, row)
                                    for row in case["rows"])))
