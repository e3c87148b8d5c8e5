"""Controls above what they choose; where no widget can be shown, what they choose stands there as a picture or text."""

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import ipywidgets

from ecs_notebook_lib.errors import ChoiceError

_LOOKS_LIKE_AN_OUTPUT = "jp-RenderedHTMLCommon"
"""JupyterLab's own class for tables and text in outputs."""
_STYLE = "<style>.ecs-panel table { margin-left: 0 }</style>"
_HEIGHT = "1000px"


@dataclass(frozen=True, slots=True)
class Drawn:
    """What is shown for the values of some controls: HTML and plain text, or a picture (PNG) and plain text."""

    html: str
    text: str
    png: bytes = b""

    @property
    def shown(self) -> str:
        """Return the HTML that a widget shows: a picture stands in the page itself."""
        if not self.png:
            return self.html
        source = f"data:image/png;base64,{b64encode(self.png).decode()}"
        return f'<p>{escape(self.text)}</p><img alt="{escape(self.text)}" src="{source}">'

    @property
    def static(self) -> dict[str, str]:
        """Return what stands there without a widget, by its MIME type."""
        picture = {"image/png": b64encode(self.png).decode()} if self.png else {"text/html": self.html}
        return {**picture, "text/plain": self.text}


class Panel:
    """Controls by the name of the parameter that sets each, and what is drawn for their values.

    `values` are the values now, as the function that made the panel takes them; set one with `panel.set(text="503")`.
    `below` are widgets of another kind, such as buttons, that stand between the controls and what is drawn.
    """

    def __init__(
        self,
        controls: Mapping[str, Any],
        draw: Callable[..., Drawn],
        *,
        below: Iterable[Any] = (),
        flow: str = "row wrap",
    ) -> None:
        self.controls, self.below = dict(controls), tuple(below)
        self._draw = draw
        self._output = ipywidgets.HTML(layout=ipywidgets.Layout(max_height=_HEIGHT, overflow="auto"))
        self._output.add_class(_LOOKS_LIKE_AN_OUTPUT)
        above = ipywidgets.Box(list(self.controls.values()), layout=ipywidgets.Layout(flex_flow=flow))
        self.widget = ipywidgets.VBox([above, *self.below, self._output])
        self._drawn: Drawn | None = None
        for control in self.controls.values():
            control.observe(self.redraw, names="value")

    @property
    def values(self) -> dict[str, Any]:
        """Return the value of each control, by the name of its parameter."""
        return {name: control.value for name, control in self.controls.items()}

    @property
    def drawn(self) -> Drawn:
        """Return what is drawn for the values now; it is first drawn when somebody looks at it."""
        return self._drawn or self.redraw()

    def set(self, **values: Any) -> "Panel":
        """Set some of the controls, as a person would, and return this panel.

        Raises
        ------
        ChoiceError
            If a control has no such choice, or there is no such control.
        """
        for name, value in values.items():
            if name not in self.controls:
                raise ChoiceError("control", name, self.controls)
            self.controls[name].value = value
        return self

    def redraw(self, _change: object = None) -> Drawn:
        """Draw anew for the values that the controls have now, and return it."""
        self._drawn = drawn = self._draw(**self.values)
        self._output.value = f'<div class="ecs-panel">{_STYLE}{drawn.shown}</div>'
        return drawn

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        static = self.drawn.static
        return {**(self.widget._repr_mimebundle_() or {}), **static}

    def __repr__(self) -> str:
        return self.drawn.text


def choice(description: str, options: Iterable[tuple[str, Any] | str], value: Any, *, width: str = "") -> Any:
    """Return a drop-down list with `value` chosen; an option is its label and its value.

    Raises
    ------
    ChoiceError
        If `value` is none of the options.
    """
    pairs = [(option, option) if isinstance(option, str) else option for option in options]
    if value not in [option for _, option in pairs]:
        raise ChoiceError(description.lower(), value, [option for _, option in pairs if option])
    layout = ipywidgets.Layout(width=width or "auto")
    return ipywidgets.Dropdown(options=pairs, value=value, description=description, layout=layout)


def text_field(description: str, value: str, *, hint: str) -> Any:
    """Return a field for text; its value counts once Enter is pressed, or the field is left."""
    return ipywidgets.Text(value=value, description=description, placeholder=hint, continuous_update=False)
