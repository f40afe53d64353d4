"""Reads pickles without running them.

A pickle is a program for a stack machine that may import and call anything. The machine here knows a closed list of
instructions and a closed table of names. A name stands for a constant or for an inert constructor of this project,
which turns its arguments into data. Nothing is imported, called or given attributes because a file says so. Other names
and other instructions (extension codes, classes by INST and OBJ, out-of-band buffers) are refused.

Memory is bounded by the size of the file: an instruction makes at most one small object or takes its bytes from the
file, `MAX_OPERATIONS` bounds their number, and `inert.plain` bounds what nesting and sharing can expand to.
"""

import pickletools
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

from common.errors import Unreadable, damaged, refused
from common.weights.readers.inert import Constructor, Inert, mapping, members

MAX_OPERATIONS = 5_000_000  # a StyleGAN2 snapshot with its discriminator has about 50 thousand
STATE_DICT_ONLY = "save the arrays alone, torch.save(model.state_dict(), ...), where the program that wrote it runs"

Names = Mapping[tuple[str, str], Any]
FIXED = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
EMPTY = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple, "EMPTY_SET": set}
LITERALS = frozenset(
    "INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING BINBYTES "
    "SHORT_BINBYTES BINBYTES8 BYTEARRAY8 UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8".split()
)
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
IGNORED = frozenset(("PROTO", "FRAME"))


def load(file: BinaryIO, names: Names, persistent: Callable[[Any], Any] | None = None) -> Any:
    """The value of the pickle at the file's position, which moves to the end of the pickle.

    Args:
      file: a file in memory (`io.BytesIO`), so that a length in the pickle cannot exceed the file.
      names: (module, name) -> constant or `Constructor`.
      persistent: persistent id, such as that of a storage -> object. When absent, persistent ids are refused.

    Raises:
      Unreadable: the pickle is damaged, or holds a name or an instruction that is not allowed.
    """
    machine = _Machine(names, persistent)
    try:
        for count, (instruction, argument, _) in enumerate(pickletools.genops(file)):
            if count >= MAX_OPERATIONS:
                raise refused(f"has more than {MAX_OPERATIONS} instructions", STATE_DICT_ONLY)
            if instruction.name == "STOP":
                return machine.stack.pop()
            machine.step(instruction.name, argument)
    except Unreadable:
        raise
    except (ValueError, TypeError, LookupError, ArithmeticError) as error:
        raise damaged(f"broken pickle: {type(error).__name__}: {error}") from error
    raise damaged("broken pickle: no end")


class _Machine:
    """Stack, marks and memo of one pickle."""

    def __init__(self, names: Names, persistent: Callable[[Any], Any] | None):
        self.names, self.persistent = names, persistent
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def step(self, name: str, argument: Any) -> None:
        if name in LITERALS:
            self.stack.append(argument)
        elif name in FIXED:
            self.stack.append(FIXED[name])
        elif name in EMPTY:
            self.stack.append(EMPTY[name]())
        elif name in TUPLES:
            self.stack[-TUPLES[name] :] = [tuple(self._top(TUPLES[name]))]
        elif name in self.STEPS:
            self.STEPS[name](self, argument)
        elif name not in IGNORED:
            raise refused(f"uses the pickle instruction {name}, which no checkpoint needs")

    def _top(self, count: int) -> list[Any]:
        if len(self.stack) < count:
            raise IndexError("stack underflow")
        return self.stack[-count:]

    def _since_mark(self) -> list[Any]:
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def _mark(self, _: Any) -> None:
        self.marks.append(len(self.stack))

    def _pop(self, _: Any) -> None:
        if self.marks and self.marks[-1] == len(self.stack):
            self.marks.pop()
        else:
            self.stack.pop()

    def _set_items(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is not dict:
            raise refused(f"sets items of a {type(target).__name__}")
        target |= mapping(zip(items[::2], items[1::2], strict=True))

    def _dict(self, items: list[Any]) -> None:
        self.stack.append({})
        self._set_items(items)

    def _append(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is not list:
            raise refused(f"appends to a {type(target).__name__}")
        target.extend(items)

    def _add_items(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is not set:
            raise refused(f"adds to a {type(target).__name__}")
        target |= members(items)

    def _global(self, module: Any, name: Any) -> None:
        if type(module) is not str or type(name) is not str:
            raise TypeError("a name that is not text")
        if (module, name) not in self.names:
            raise refused(f"names {module}.{name}, which is no part of a table of arrays", STATE_DICT_ONLY)
        self.stack.append(self.names[module, name])

    def _call(self, _: Any) -> None:
        """REDUCE and NEWOBJ: a name's own constructor with the arguments of the file."""
        constructor, arguments = self._top(2)
        if type(constructor) is not Constructor or type(arguments) is not tuple:
            raise refused(f"calls a {type(constructor).__name__}")
        self.stack[-2:] = [constructor.make(*arguments)]

    def _build(self, _: Any) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        if isinstance(target, Inert):
            target.build(state)
        elif type(target) is not dict:  # attributes of a dict, such as the versions in a state dict, are dropped
            raise refused(f"sets attributes of a {type(target).__name__}")

    def _persistent(self, _: Any) -> None:
        if self.persistent is None:
            raise refused("refers to objects outside of its pickle")
        self.stack.append(self.persistent(self.stack.pop()))

    def _put(self, index: int) -> None:
        self.memo[index] = self.stack[-1]

    STEPS = {
        "MARK": _mark,
        "POP": _pop,
        "POP_MARK": lambda self, _: self._since_mark(),
        "DUP": lambda self, _: self.stack.append(self.stack[-1]),
        "TUPLE": lambda self, _: self.stack.append(tuple(self._since_mark())),
        "LIST": lambda self, _: self.stack.append(self._since_mark()),
        "DICT": lambda self, _: self._dict(self._since_mark()),
        "FROZENSET": lambda self, _: self.stack.append(members(self._since_mark())),
        "SETITEM": lambda self, _: self._set_items([*reversed((self.stack.pop(), self.stack.pop()))]),
        "SETITEMS": lambda self, _: self._set_items(self._since_mark()),
        "APPEND": lambda self, _: self._append([self.stack.pop()]),
        "APPENDS": lambda self, _: self._append(self._since_mark()),
        "ADDITEMS": lambda self, _: self._add_items(self._since_mark()),
        "PUT": _put,
        "BINPUT": _put,
        "LONG_BINPUT": _put,
        "MEMOIZE": lambda self, _: self._put(len(self.memo)),
        "GET": lambda self, index: self.stack.append(self.memo[index]),
        "BINGET": lambda self, index: self.stack.append(self.memo[index]),
        "LONG_BINGET": lambda self, index: self.stack.append(self.memo[index]),
        "GLOBAL": lambda self, text: self._global(*text.split(" ", 1)),
        "STACK_GLOBAL": lambda self, _: self._global(*reversed((self.stack.pop(), self.stack.pop()))),
        "REDUCE": _call,
        "NEWOBJ": _call,
        "BUILD": _build,
        "BINPERSID": _persistent,
    }
