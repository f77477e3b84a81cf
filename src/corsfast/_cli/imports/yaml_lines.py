"""Read YAML and JSON with the line of each key and element."""

from __future__ import annotations

from ..check.subject import UnreadableError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Keys that merges (`<<`) may add, because a mapping may merge many that merge others.
MAX_MERGED = 250_000
# Characters of a number. PyYAML takes the square of their number in time for `1:1:1`, which counts
# seconds, and `str` refuses to write an int of more than 4,300 digits.
MAX_NUMBER = 100
NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")

INSTALL = "pip install 'corsfast[import]'"


class Mapping(dict[str, "Any"]):
    """A mapping that knows the line of each key."""

    lines: dict[str, int]

    def __repr__(self) -> str:  # not all of it, because aliases may multiply
        return "{...}"


class Sequence(list["Any"]):
    """A list that knows the line of each element."""

    lines: list[int]

    def __repr__(self) -> str:
        return "[...]"


def read_documents(name: str, text: str) -> list[Any]:
    """Return all documents of a file.

    Raises:
        UnreadableError: if it is not valid, or PyYAML is not installed.
    """
    try:
        import yaml
    except ImportError:
        raise UnreadableError(f"{name}: YAML needs PyYAML; {INSTALL}") from None
    if name.endswith(".json"):
        text = text.replace("\t", " ")  # YAML 1.1 takes no tabs; JSON escapes them in strings
    built: dict[int, Any] = {}  # by node, because an alias is the node that it names
    merged = 0

    def build(node: Any) -> Any:
        nonlocal merged
        if id(node) in built:
            return built[id(node)]
        if isinstance(node, yaml.MappingNode):
            for key_node, value_node in node.value:
                if key_node.tag == "tag:yaml.org,2002:merge":
                    is_list = isinstance(value_node, yaml.SequenceNode)
                    for each in value_node.value if is_list else [value_node]:
                        build(each)  # it has its own merges afterwards
                        merged += len(each.value)
            if merged > MAX_MERGED:
                raise ValueError(f"merges add more than {MAX_MERGED} keys (MAX_MERGED)")
            loader.flatten_mapping(node)
            mapping = built[id(node)] = Mapping()
            mapping.lines = {}
            for key_node, value_node in node.value:
                key = str(build(key_node))
                mapping[key] = build(value_node)
                mapping.lines[key] = key_node.start_mark.line + 1
            return mapping
        if isinstance(node, yaml.SequenceNode):
            sequence = built[id(node)] = Sequence()
            sequence.lines = [item.start_mark.line + 1 for item in node.value]
            sequence.extend(build(item) for item in node.value)
            return sequence
        if node.tag in NUMBERS and len(node.value) > MAX_NUMBER:
            raise ValueError(f"a number has more than {MAX_NUMBER} characters (MAX_NUMBER)")
        try:
            return loader.construct_object(node)
        except (ArithmeticError, AttributeError, LookupError):  # `!!int ""`, `!!bool x`
            raise ValueError(f"{node.value!r} is not valid for its tag") from None

    try:
        loader = yaml.SafeLoader(text)
        nodes = []
        while loader.check_node():
            nodes.append(loader.get_node())  # kept, because `built` knows them by their id
        return [build(node) for node in nodes]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = "" if mark is None else f":{mark.line + 1}"
        raise UnreadableError(f"{name}{line}: not YAML: {error.problem}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UnreadableError(f"{name}: not YAML: {error}") from None
