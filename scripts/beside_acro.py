"""One crosstab through ACRO 1.0.2 and through Sekisho's checkpoint: what each costs, and where they differ.

Run by `scripts/acro.sh`. The records are made up, the same at every run: a prefecture and a chapter of diagnoses for
each person, both skewed, so that some cells are small. Each side runs in a process of its own.
"""

import argparse
import csv
import os
import resource
import subprocess
import sys
import tempfile

PREFECTURES, CHAPTERS = 47, 20
ALL = "All"
BLANK = None


def records(people):
    """Two arrays of labels, one for each person."""
    import numpy

    draw = numpy.random.default_rng(1)
    share = lambda size, steep: (lambda weight: weight / weight.sum())(1.0 / numpy.arange(1, size + 1) ** steep)
    return draw.choice(PREFECTURES, people, p=share(PREFECTURES, 0.8)), draw.choice(CHAPTERS, people, p=share(CHAPTERS, 2.6))


def write_counts(people, path):
    """The cells that somebody is in, as `prefecture,chapter,count`."""
    import numpy

    prefectures, chapters = records(people)
    counts = numpy.bincount(prefectures * CHAPTERS + chapters, minlength=PREFECTURES * CHAPTERS)
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        for cell, count in enumerate(counts):
            if count:
                writer.writerow([f"p{cell // CHAPTERS:02}", f"c{cell % CHAPTERS:02}", count])
    return counts


def run_acro(people, path):
    """The crosstab with margins and suppression, as ACRO makes it; empty where it is blank."""
    import pandas
    from acro import ACRO

    prefectures, chapters = records(people)
    frame = pandas.DataFrame({
        "prefecture": pandas.Categorical([f"p{label:02}" for label in prefectures]).astype(str),
        "chapter": pandas.Categorical([f"c{label:02}" for label in chapters]).astype(str),
    })
    usage = resource.getrusage(resource.RUSAGE_SELF)
    before = usage.ru_utime + usage.ru_stime
    os.chdir(tempfile.mkdtemp())
    with open(os.devnull, "w") as nowhere:
        sys.stdout, stdout = nowhere, sys.stdout
        table = ACRO(suppress=True).crosstab(frame.prefecture, frame.chapter, margins=True)
        sys.stdout = stdout
    usage = resource.getrusage(resource.RUSAGE_SELF)
    table.to_csv(path)
    print(usage.ru_utime + usage.ru_stime - before, usage.ru_maxrss)


def read_acro(path):
    cells = {}
    with open(path, newline="") as file:
        rows = [row for row in csv.reader(file) if row]
    columns = next(row for row in rows if ALL in row)
    for row in rows:
        if row[0] == ALL or row[0].startswith("p") and row[0] != "prefecture":
            for label, value in zip(columns[1:], row[1:]):
                cells[row[0], label] = BLANK if value in ("", "nan") else round(float(value))
    return cells


def read_ours(text):
    cells = {}
    for line in text.splitlines():
        prefecture, chapter, value = line.split(",")
        cells[prefecture or ALL, chapter or ALL] = BLANK if value == "*" else int(value)
    return cells


def reason(truth, theirs, ours):
    if truth == 0:
        return "nobody: ACRO takes a zero for disclosive, Sekisho has no row for a label that nobody has"
    if theirs is BLANK and ours is not BLANK:
        return "ACRO alone withholds it: a margin of which it shows no part"
    if ours is BLANK and truth < 10:
        return "ACRO shows fewer than ten people"
    if ours is BLANK:
        return "withheld to protect a small one, which ACRO does by margins that leave out what it blanks"
    return "ACRO's margin is the sum of what it shows, Sekisho's counts everybody"


def compare(theirs, ours, counts):
    truth = {(f"p{cell // CHAPTERS:02}", f"c{cell % CHAPTERS:02}"): int(count) for cell, count in enumerate(counts)}
    for (prefecture, chapter), count in list(truth.items()):
        for margin in ((prefecture, ALL), (ALL, chapter), (ALL, ALL)):
            truth[margin] = truth.get(margin, 0) + count
    text = lambda value: "*" if value is BLANK else str(value)
    differing = {}
    for cell, count in sorted(truth.items()):
        mine, other = ours.get(cell), theirs.get(cell)
        if mine != other:
            differing.setdefault(reason(count, other, mine), []).append((cell, count, other, mine))
    print(f"{len(truth)} cells with margins; ACRO blanks {sum(theirs.get(cell) is BLANK for cell in truth)}, "
          f"Sekisho {sum(ours.get(cell) is BLANK for cell in truth)}, of which nobody is in {sum(not count for count in truth.values())}")
    for why, cells in sorted(differing.items()):
        print(f"\n{why}: {len(cells)}\n  prefecture  chapter      count       ACRO    Sekisho")
        for (prefecture, chapter), count, other, mine in cells:
            print(f"  {prefecture:10}  {chapter:7} {count:10} {text(other):>10} {text(mine):>10}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, required=True)
    parser.add_argument("--ours", help="the built bench `crosstab`")
    parser.add_argument("--acro-to", help="internal: run ACRO alone, and write its table there")
    options = parser.parse_args()
    if options.acro_to:
        return run_acro(options.people, options.acro_to)
    with tempfile.TemporaryDirectory() as folder:
        counts = write_counts(options.people, f"{folder}/counts.csv")
        this = [sys.executable, __file__, "--people", str(options.people), "--acro-to", f"{folder}/acro.csv"]
        output = subprocess.run(this, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
        acro_cpu, acro_memory = map(float, output.split()[-2:])
        ours = subprocess.run([options.ours, f"{folder}/counts.csv"], check=True, stdout=subprocess.PIPE, text=True).stdout
        *lines, cost = ours.splitlines()
        cpu, memory = map(float, cost.split())
        print(f"{options.people} people, {PREFECTURES} x {CHAPTERS} with margins")
        print(f"ACRO 1.0.2   {acro_cpu:9.3f} s of processor time, {acro_memory / 1024:8.0f} MiB at most")
        print(f"Sekisho      {cpu:9.3f} s of processor time, {memory / 1024:8.0f} MiB at most")
        print(f"             {acro_cpu / max(cpu, 1e-9):9.0f} times {acro_memory / memory:21.1f} times\n")
        compare(read_acro(f"{folder}/acro.csv"), read_ours("\n".join(lines)), counts)


if __name__ == "__main__":
    main()
