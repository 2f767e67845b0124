"""Licences of everything the locks name: `python scripts/licences.py [--sbom FILE | --markdown FILE]`.

Prints one row a package. Exit code 1 where a package names no licence, or one that Apache-2.0 software may not be
shipped with. `--sbom` writes a CycloneDX bill of materials with names, versions, licences and hashes instead.
`--markdown` writes docs/licences.md: what is shipped row by row, and of the other locks, which are for evaluation,
training and work on the project, what one would have to look at. A licence is read where its package is installed: in
this environment, and in those given with `--also`.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("core", "stack")

#: The other locks, and what they are for. Nothing of them is in the wheel's requirements or in the image.
OTHERS = {
    "webui": "Open WebUI, which `psylite up` installs beside it",
    "encoders": "the extra [sentence-transformers]",
    "eval": "evaluations",
    "model": "training the model",
    "browser": "tests in a browser",
    "dev": "tests and checks",
    "trust": "fuzzing, mutation, audit",
}

#: Licences that ask for no more than their text to be kept, and the MPL, whose own files stay open and ours our own.
ALLOWED = re.compile(
    r"\b(MIT|MIT-CMU|Apache|BSD|0BSD|ISC|PSF|Python-2|Python Software|Zlib|Unlicense|CC0|MPL|Mozilla|HPND)",
    re.IGNORECASE,
)
REFUSED = re.compile(r"\b(A?GPL|LGPL|SSPL|BUSL|Commons Clause|proprietary|non-?commercial)", re.IGNORECASE)


def locked(*locks: str) -> dict[str, tuple[str, list[str]]]:
    """Version and hashes by package name, from the lock files."""
    found: dict[str, tuple[str, list[str]]] = {}
    for lock in locks:
        name = ""
        for line in (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8").splitlines():
            if match := re.match(r"([A-Za-z0-9._-]+)(?:\[.*\])?==([^ ;\\]+)", line):
                name = match[1]
                found[name] = (match[2], [])
            elif match := re.search(r"sha256:([0-9a-f]{64})", line):
                found[name][1].append(match[1])
    return found


def licence(package: Distribution) -> str:
    """What the package says of itself: the SPDX expression, the classifiers, or the old field."""
    meta = package.metadata
    if meta.get("License-Expression"):
        return str(meta["License-Expression"])
    kinds = [one.split(" :: ")[-1] for one in meta.get_all("Classifier") or () if one.startswith("License ::")]
    kinds = [one for one in kinds if one != "OSI Approved"]
    if kinds:
        return " / ".join(kinds)
    return str(meta.get("License") or "").strip().split("\n")[0][:60]


def compatible(text: str) -> bool:
    """Whether Apache-2.0 software may be shipped with it; where there is a choice, one allowed licence is enough."""
    choices = re.split(r"\s+OR\s+", text)
    return any(ALLOWED.search(one) and not REFUSED.search(one) for one in choices)


def main() -> None:
    """Print the table, or write the bill of materials."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sbom", type=Path)
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--also", type=Path, action="append", default=[], help="site-packages of another environment")
    chosen = parser.parse_args()
    if chosen.markdown:
        chosen.markdown.write_text(markdown(chosen.also), encoding="utf-8")
        return
    rows, absent = [], []
    for name, (version, hashes) in sorted(locked(*LOCKS).items()):
        try:
            rows.append((name, version, licence(distribution(name)), hashes))
        except PackageNotFoundError:
            absent.append(name)  # for another platform
    if chosen.sbom:
        _write(chosen.sbom, rows)
        return
    table = Table("package", "version", "licence", "compatible", box=None)
    for name, version, text, _ in rows:
        table.add_row(name, version, text or "none named", "yes" if compatible(text) else "NO")
    console = Console()
    console.print(table)
    wrong = [name for name, _, text, _ in rows if not compatible(text)]
    console.print(f"{len(rows)} packages, {len(wrong)} to look at: {', '.join(wrong) or 'none'}.")
    if absent:
        console.print(f"Not installed on this platform: {', '.join(absent)}.")
    sys.exit(1 if wrong else 0)


def markdown(also: list[Path]) -> str:
    """The text of docs/licences.md."""
    here = _installed([*sys.path, *map(str, also)])
    shipped = locked(*LOCKS)
    rows = [
        f"| {name} | {version} | {_named(here, name, version) or 'not installed on this platform'} |"
        for name, (version, _) in sorted(shipped.items())
    ]
    others = []
    for lock, purpose in OTHERS.items():
        names = {name: version for name, (version, _) in locked(lock).items() if name not in shipped}
        known = {name: text for name, version in names.items() if (text := _named(here, name, version))}
        odd = [f"{name} ({text})" for name, text in sorted(known.items()) if not compatible(text)]
        row = [lock, purpose, len(names), len(known), len(known) - len(odd), "; ".join(odd) or "none"]
        others.append("| " + " | ".join(map(str, row)) + " |")
    return _PAGE.format(shipped="\n".join(rows), count=len(rows), others="\n".join(others))


_PAGE = """\
# Licences of what PsyLite pipeline uses

Written by `make licences`; `make audit` fails where a package that is shipped names no licence, or one that Apache-2.0
software may not be shipped with.

## Shipped: what the wheel requires and the image holds

{count} packages.

| package | version | licence |
| --- | --- | --- |
{shipped}

## Not shipped

What the other locks name beside those above. Known are the licences of packages that were installed where this page was
written; permissive is what may be shipped with Apache-2.0 software. The rest is for whoever ships an environment with
them.

| lock | for | packages | licence known | permissive | to look at |
| --- | --- | --- | --- | --- | --- |
{others}
"""


def _installed(places: list[str]) -> dict[tuple[str, str], Distribution]:
    return {
        (re.sub(r"[-_.]+", "-", one.metadata["Name"]).lower(), one.version): one
        for one in distributions(path=places)
        if one.metadata["Name"]
    }


def _named(here: dict[tuple[str, str], Distribution], name: str, version: str) -> str:
    package = here.get((re.sub(r"[-_.]+", "-", name).lower(), version))
    return (licence(package) or "none named").replace("|", "/") if package else ""


def _write(path: Path, rows: list[tuple[str, str, str, list[str]]]) -> None:
    from cyclonedx.model import HashAlgorithm, HashType
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.model.license import DisjunctiveLicense
    from cyclonedx.output.json import JsonV1Dot6
    from packageurl import PackageURL

    bom = Bom()
    own = distribution("psylite-pipeline")
    bom.metadata.component = Component(
        name="psylite-pipeline", version=own.version, type=ComponentType.APPLICATION, bom_ref="psylite-pipeline",
        licenses=[DisjunctiveLicense(id="Apache-2.0")],
    )  # fmt: skip
    for name, version, text, hashes in rows:
        bom.components.add(
            Component(
                name=name, version=version, type=ComponentType.LIBRARY, bom_ref=f"{name}@{version}",
                purl=PackageURL("pypi", name=name, version=version),
                licenses=[DisjunctiveLicense(name=text)] if text else [],
                # Several hashes are those of builds for several platforms: none of them is that of the component.
                hashes=[HashType(alg=HashAlgorithm.SHA_256, content=one) for one in hashes if len(hashes) == 1],
            )
        )  # fmt: skip
    path.write_text(json.dumps(json.loads(JsonV1Dot6(bom).output_as_string()), indent=1) + "\n", encoding="utf-8")
    Console().print(f"Written: {path} ({len(rows)} components)")


if __name__ == "__main__":
    main()
