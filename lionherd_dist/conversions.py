"""How members of enums and pydantic models are taken apart and made again.

Pydantic is not imported: what is needed of it are attributes of the model's class.
"""

from collections.abc import Callable, Iterator
from enum import Enum, Flag
from typing import Any, get_args

_FIELDS_SET, _EXTRA = "__pydantic_fields_set__", "__pydantic_extra__"
_PRIVATE = "__pydantic_private__"


def member_name(member: Enum) -> object:
    """The name of *member*; for a combination of flags, the names in it and what has no name."""
    cls = type(member)
    if member.name is not None and cls.__members__.get(member.name) is member:
        return member.name
    if not isinstance(member, Flag):
        raise TypeError(f"it is no member of {cls.__qualname__}")
    rest, names = member.value, list[object]()
    for flag in sorted(cls.__members__.values(), key=lambda flag: flag.value.bit_count()):
        if flag.value & rest and flag.value & member.value == flag.value:
            names.append(flag.name)
            rest &= ~flag.value
    return [*names, rest] if rest else names


def member_of(cls: type[Enum]) -> Callable[[object], Enum]:
    """What finds the member of *cls* that ``member_name`` gave a name."""

    def find(name: object) -> Enum:
        if type(name) is str and name in cls.__members__:
            return cls.__members__[name]
        if issubclass(cls, Flag) and type(name) is list:
            return cls(_combined(cls, name))
        raise ValueError(f"{cls.__qualname__} has no member {str(name)[:50]!r} here")

    return find


def _combined(cls: type[Flag], names: list[Any]) -> int:
    value = 0
    for name in names:
        value |= name if type(name) is int else cls[name].value
    return value


def is_model(cls: type) -> bool:
    """True for a model of pydantic, version 2 or later."""
    return all(hasattr(cls, name) for name in (_FIELDS_SET, _PRIVATE, "model_fields"))


def is_like_a_model(cls: type) -> bool:
    """True for a class that is no model, but is taken apart and made again by the same methods."""
    return all(callable(getattr(cls, name, None)) for name in ("model_dump", "model_validate"))


def dump_of(instance: object) -> object:
    """What ``model_dump`` gives of an instance of such a class."""
    return instance.model_dump()  # type: ignore[attr-defined]  # it is like a model


def validated_as(cls: type) -> Callable[[object], object]:
    """What makes the instance of such a class again."""

    def make(dump: object) -> object:
        made: object = cls.model_validate(dump)  # type: ignore[attr-defined]  # it is like a model
        return made

    return make


def state_of_model(model: object) -> dict[str, object]:
    """What *model* holds: its fields by name; extra and private attributes, if there are any."""
    fields = type(model).model_fields  # type: ignore[attr-defined]  # a pydantic model
    held = vars(model)
    state: dict[str, object] = {name: held[name] for name in fields if name in held}
    if getattr(model, _FIELDS_SET) != state.keys():
        state[_FIELDS_SET] = set(getattr(model, _FIELDS_SET))
    for name in (_EXTRA, _PRIVATE):
        if getattr(model, name):
            state[name] = dict(getattr(model, name))
    return state


def model_from(cls: type) -> Callable[[object], object]:
    """What makes the model of *cls* that had a state, without running its validators again."""

    def make(state: object) -> object:
        given = _named(state)
        extra, private = _named(given.pop(_EXTRA, {})), _named(given.pop(_PRIVATE, {}))
        fields_set = given.pop(_FIELDS_SET, set(given))
        fields = cls.model_fields  # type: ignore[attr-defined]  # a pydantic model
        if type(fields_set) is not set or not given.keys() <= fields.keys():
            raise ValueError(f"{cls.__qualname__} with fields that it does not have here")
        for name in fields.keys() - given.keys():
            if fields[name].is_required():
                raise ValueError(f"{cls.__qualname__} without its field {name!r}")
            given[name] = fields[name].get_default(call_default_factory=True)
        model: object = object.__new__(cls)
        has_extra = cls.model_config.get("extra") == "allow"  # type: ignore[attr-defined]  # as above
        for name, value in (
            ("__dict__", given),
            (_FIELDS_SET, fields_set),
            (_EXTRA, extra if has_extra else None),
            (_PRIVATE, private or ({} if cls.__private_attributes__ else None)),  # type: ignore[attr-defined]  # as above
        ):
            object.__setattr__(model, name, value)
        return model

    return make


def models_in(cls: type) -> Iterator[type] | None:
    """The models that the fields of a model may hold; None if its types are not known yet."""
    if not cls.__pydantic_complete__:  # type: ignore[attr-defined]  # a pydantic model
        cls.model_rebuild(raise_errors=False)  # type: ignore[attr-defined]  # as above
    if not cls.__pydantic_complete__:  # type: ignore[attr-defined]  # as above
        return None
    fields = cls.model_fields  # type: ignore[attr-defined]  # as above
    return (
        found
        for field in fields.values()
        for found in _classes_in(field.annotation)
        if is_model(found)
    )


def _classes_in(annotation: object) -> Iterator[type]:
    if isinstance(annotation, type) and not get_args(annotation):
        yield annotation
    for part in get_args(annotation):
        yield from _classes_in(part)


def _named(state: object) -> dict[str, object]:
    if type(state) is not dict or not all(type(name) is str for name in state):
        raise ValueError(f"a state of a model that is {type(state).__name__}, not dict of names")
    return dict(state)
