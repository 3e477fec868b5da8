"""Reads what run.sh left in a folder. What is missing, or was cut short, is None or empty."""
import csv, json, pathlib, re


class Results:
    """A folder of results."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def text(self, name):
        path = self.folder / name
        return path.read_text(errors="replace") if path.exists() else ""

    def json(self, name):
        try:
            return json.loads(self.text(name))
        except ValueError:
            return None

    def table(self, name, delimiter=","):
        return list(csv.reader(self.text(name).splitlines(), delimiter=delimiter, quoting=csv.QUOTE_NONE))

    def steps(self):
        """Name, outcome, seconds and a note of each step that has ended."""
        return [row for row in self.table("steps.tsv", "\t") if len(row) == 4]

    def card(self):
        """Name, driver, MiB, greatest SM and memory clock, power limit; None without a card."""
        rows = self.table("card.csv")
        return [cell.strip() for cell in rows[0]] if rows and len(rows[0]) == 6 else None

    def clocks(self):
        """The greatest SM clock and power draw while anything ran; None where nothing was sampled."""
        rows = []
        for row in self.table("clocks.csv"):
            try:
                rows.append((float(row[0]), float(row[2])))
            except (ValueError, IndexError):  # a last line that was cut, or [N/A]
                pass
        return [max(column) for column in zip(*rows)] if rows else None

    def adapter(self):
        """The adapter that ours ran on, as any step says it."""
        for path in sorted(self.folder.glob("bench-*.json")) + sorted(self.folder.glob("verify-*.json")):
            document = self.json(path.name)
            if document and document.get("adapter"):
                return document["adapter"]
        return None

    def verified(self):
        """Network, precision and document of each `densenet verify`."""
        for path in sorted(self.folder.glob("verify-*.json")):
            arch, precision = re.fullmatch(r"verify-(.+)-(f\d+)", path.stem).groups()
            if document := self.json(path.name):
                yield arch, precision, document

    def benches(self):
        """From (before or after, network, batch) to the document of `densenet-bench`."""
        found = {}
        for path in self.folder.glob("bench-*.json"):
            when, arch, batch = re.fullmatch(r"bench-(before|after)-(.+)-b(\d+)", path.stem).groups()
            if (document := self.json(path.name)) and document.get("results"):
                found[when, arch, int(batch)] = document
        return found

    def peers(self):
        """Name and rows of each runtime."""
        for path in sorted(self.folder.glob("peer-*.json")):
            if document := self.json(path.name):
                yield document["peer"], document["rows"]
