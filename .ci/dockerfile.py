"""Reads a Dockerfile and a .dockerignore: just enough of both to check and replay our own."""

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Instruction:
    """One instruction, with its continuation lines joined."""

    line: int
    word: str
    text: str

    def flags(self) -> dict[str, str]:
        """`--from=build` and the like, before the arguments."""
        return dict(re.findall(r"--([a-z-]+)=(\S+)", self.text.split(" CMD ")[0]))

    def arguments(self) -> list[str]:
        """The words that are not flags."""
        return [word for word in shlex.split(self.text) if not word.startswith("--")]


@dataclass
class Stage:
    """What stands between two FROM lines."""

    name: str
    base: str
    line: int
    instructions: list[Instruction] = field(default_factory=list)

    def all(self, word: str) -> list[Instruction]:
        return [each for each in self.instructions if each.word == word]


@dataclass
class Dockerfile:
    """The global arguments and the stages, in the order of the file."""

    arguments: dict[str, str]
    stages: dict[str, Stage]

    def line_of_descent(self, name: str) -> list[Stage]:
        """The stage and the stages it is based on, the oldest first."""
        stage = self.stages.get(name)
        return [] if stage is None else [*self.line_of_descent(stage.base), stage]

    def final(self) -> list[Stage]:
        """The stages nothing else is made from."""
        used = {stage.base for stage in self.stages.values()}
        used |= {copy.flags().get("from", "") for stage in self.stages.values() for copy in stage.all("COPY")}
        return [stage for stage in self.stages.values() if stage.name not in used]


def parse(text: str) -> Dockerfile:
    """Understands the instructions we use; heredocs are not among them."""
    arguments: dict[str, str] = {}
    stages: dict[str, Stage] = {}
    current = None
    for each in instructions(text):
        if each.word == "FROM":
            base, name = re.fullmatch(r"(\S+) AS (\S+)", expand(each.text, arguments)).groups()
            current = stages[name] = Stage(name, base, each.line)
        elif current is not None:
            current.instructions.append(each)
        elif each.word == "ARG":
            key, _, value = each.text.partition("=")
            arguments[key] = value
    return Dockerfile(arguments, stages)


def instructions(text: str):
    """Joins continued lines and drops comments, as the builder does."""
    parts: list[str] = []
    first = 0
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("#") or (not line.strip() and not parts):
            continue
        first = first if parts else number
        parts.append(line.rstrip("\\").strip() if line.endswith("\\") else line.strip())
        if not line.endswith("\\"):
            word, _, rest = " ".join(parts).partition(" ")
            yield Instruction(first, word.upper(), rest.strip())
            parts = []


def expand(text: str, values: dict[str, str]) -> str:
    return re.sub(r"\$\{(\w+)\}|\$(\w+)", lambda m: values.get(m[1] or m[2], m[0]), text)


class Ignore:
    """The rules of .dockerignore: the last one that fits a path or a folder above it decides."""

    def __init__(self, text: str):
        lines = [line.strip() for line in text.splitlines()]
        self.rules = [
            (line.startswith("!"), re.compile(to_pattern(line.lstrip("!").strip("/"))))
            for line in lines
            if line and not line.startswith("#")
        ]

    def hides(self, path: Path) -> bool:
        names = [str(path), *(str(parent) for parent in path.parents if parent.name)]
        hidden = False
        for keeps, pattern in self.rules:
            if any(pattern.fullmatch(name) for name in names):
                hidden = not keeps
        return hidden


def to_pattern(rule: str) -> str:
    """`**` stands for any folders, `*` for any part of one name."""
    escaped = re.escape(rule).replace(r"\*\*/", "(?:.*/)?").replace(r"\*\*", ".*")
    return escaped.replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
