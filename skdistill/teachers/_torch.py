"""A teacher that is a neural network of PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import scipy.sparse as sp

from skdistill._compat import num_samples
from skdistill._optional import comes_from, import_optional
from skdistill._validation import check_integer
from skdistill.teachers._declared import DeclaredTeacher
from skdistill.teachers._fingerprint import fingerprint


def is_torch_module(model: Any) -> bool:
    """Tell, without importing torch, whether `model` is a ``torch.nn.Module``."""
    return comes_from(model, "torch") and any(
        cls.__name__ == "Module" for cls in type(model).__mro__
    )


class TorchTeacher(DeclaredTeacher):
    """A trained ``torch.nn.Module``.

    Rows go through the module in batches, in evaluation mode and without gradients; afterwards
    every part of it is in the mode it was in. It runs on the device where it is.

    Parameters
    ----------
    module : torch.nn.Module
        A trained one. It is never changed.
    output : {"probabilities", "logits", "predictions"}
        What it returns, as for `CallableTeacher`. It has no default: logits that are taken for
        probabilities, or the reverse, would go unnoticed. A module trained with
        ``CrossEntropyLoss`` or ``BCEWithLogitsLoss`` returns logits.
    classes : array-like of shape (n_classes,) or None, default=None
        Labels of the columns, in the order of the columns. None takes the order of the sorted
        labels of y.
    batch_size : int, default=1024
        Rows given to the module at once. It bounds the memory that activations take.
    preprocess : callable or None, default=None
        Turns X, as it is passed to ``fit``, into what the module takes: an array or tensor with
        one row for each sample, or a tuple of such for a module that takes several. None takes X
        as a matrix of numbers. Real numbers get the dtype of the module's parameters (float32 if
        it has none); whole numbers that `preprocess` returns stay such, as embeddings need it.

    Raises
    ------
    ImportError
        If torch is missing; the extra ``torch`` installs it.
    TypeError
        If `module` is something else.

    See Also
    --------
    CallableTeacher : A function of X, for all that this one does not do.

    Notes
    -----
    There is no recipe by which it could be trained again, so that it labels the rows it was
    trained on itself (``teacher_labels="in_sample"``). A network wrapped by skorch is a
    scikit-learn estimator, can be refitted, and needs no adapter.

    Its representation of rows (``knowledge="feature"``) is what the module of the name `where`
    returns, flattened to one row for each sample; by default it is what goes into the
    ``torch.nn.Linear`` that runs last.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skdistill.teachers import TorchTeacher
    >>> net = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    >>> teacher = TorchTeacher(net, output="logits", classes=["a", "b", "c"])
    >>> teacher.predict_proba(np.zeros((5, 2)), ["a", "b", "c"]).shape
    (5, 3)
    """

    def __init__(
        self,
        module: Any,
        *,
        output: str,
        classes: Sequence[Any] | np.ndarray | None = None,
        batch_size: int = 1024,
        preprocess: Callable[[Any], Any] | None = None,
    ) -> None:
        torch = import_optional("torch", extra="torch", purpose="TorchTeacher")
        if not isinstance(module, torch.nn.Module):
            raise TypeError(f"module must be a torch.nn.Module, got {type(module).__name__}.")
        if preprocess is not None and not callable(preprocess):
            raise TypeError(f"preprocess must be callable, got {type(preprocess).__name__}.")
        super().__init__(output=output, classes=classes)
        self.module = module
        self.batch_size = check_integer(batch_size, "batch_size", minimum=1)
        self.preprocess = preprocess
        self.name = type(module).__name__

    @property
    def fitted_models(self) -> list[Any]:
        """The module."""
        return [self.module]

    def fingerprint(self) -> str:
        """Compute a key of the module's parameters, structure and code."""
        parts = [_describe(name, part) for name, part in self.module.named_modules()]
        state = {name: _as_array(value) for name, value in self.module.state_dict().items()}
        return fingerprint((parts, state, self.preprocess, self.output, self._labels), self.name)

    def _values(self, X: Any) -> np.ndarray:
        return self._run(X, lambda answer: answer, "its module")

    def _represent(self, X: Any, where: Any) -> np.ndarray:
        parts, before = self._find_parts(where)
        # What is seen last counts: modules need not run in the order they are registered in.
        seen: list[Any] = []

        def see_input(_: Any, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
            seen[:] = [*inputs, *named.values()][:1]

        def see_answer(_: Any, inputs: Any, answer: Any) -> None:
            seen[:] = [answer]

        def take_seen(_: Any) -> Any:
            if not seen:
                what = "no torch.nn.Linear is" if before else f"the module {where!r} is not"
                raise ValueError(f"{what} used when labels are computed.")
            return seen.pop()

        handles = [
            part.register_forward_pre_hook(see_input, with_kwargs=True)
            if before
            else part.register_forward_hook(see_answer)
            for part in parts
        ]
        try:
            found = self._run(X, take_seen, f"the module {where!r}")
        finally:
            for handle in handles:
                handle.remove()
        return found.reshape(len(found), -1)

    def _find_parts(self, where: Any) -> tuple[list[Any], bool]:
        """Find the modules that `where` may mean, and whether inputs are wanted, not outputs."""
        import torch

        parts = dict(self.module.named_modules())
        names = [name for name in parts if name]
        if where is None:
            linear = [part for part in parts.values() if isinstance(part, torch.nn.Linear)]
            if linear:
                return linear, True
        elif where in names:
            return [parts[where]], False
        problem = "it has no torch.nn.Linear" if where is None else f"{where!r} is none of them"
        raise ValueError(f"name one of its modules as representation, {names}: {problem}.")

    def _run(self, X: Any, take: Callable[[Any], Any], source: str) -> np.ndarray:
        """Run the module batch by batch, and join what `take` makes of each answer."""
        import torch

        parameter = next((p for p in self.module.parameters() if p.is_floating_point()), None)
        dtype = torch.float32 if parameter is None else parameter.dtype
        device = torch.device("cpu") if parameter is None else parameter.device
        parts, n_rows = self._prepare(X), num_samples(X)
        found = []
        with _evaluating(self.module), torch.inference_mode():
            for start in range(0, max(n_rows, 1), self.batch_size):
                rows = slice(start, start + self.batch_size)
                batch = [_as_tensor(part[rows], dtype, device) for part in parts]
                answer = take(self.module(*batch))
                if not isinstance(answer, torch.Tensor):
                    raise TypeError(
                        f"{source} returns a {type(answer).__name__} where a tensor is expected; "
                        "give a module that picks the tensor out of it."
                    )
                found.append(_as_array(answer))
        return np.concatenate(found)

    def _prepare(self, X: Any) -> tuple[Any, ...]:
        """Return what the module takes, each with all rows."""
        if self.preprocess is None:
            return (_as_numbers(X),)
        made = self.preprocess(X)
        parts = made if isinstance(made, tuple) else (made,)
        n_rows = num_samples(X)
        for part in parts:
            if not hasattr(part, "shape") or not part.shape or part.shape[0] != n_rows:
                what = tuple(getattr(part, "shape", ())) or type(part).__name__
                raise ValueError(
                    f"preprocess must return arrays or tensors of {n_rows} rows, got {what}."
                )
        return parts


def _as_numbers(X: Any) -> Any:
    """Return X as a matrix of numbers; a sparse one stays sparse, with rows that can be sliced."""
    try:
        return X.tocsr().astype(np.float64) if sp.issparse(X) else np.asarray(X, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"X is no matrix of numbers ({error}); say how to make one: "
            "TorchTeacher(..., preprocess=f)."
        ) from error


def _as_tensor(values: Any, dtype: Any, device: Any) -> Any:
    """Return a tensor on the module's device; real numbers get its dtype."""
    import torch

    if sp.issparse(values):
        values = values.toarray()
    # A copy: a tensor that shares a read-only array warns.
    tensor = values if isinstance(values, torch.Tensor) else torch.tensor(np.asarray(values))
    return tensor.to(device, dtype if tensor.is_floating_point() else None)


def _as_array(value: Any) -> Any:
    """Return a tensor as an array, in double precision: numpy lacks some of the short formats."""
    import torch

    if not isinstance(value, torch.Tensor):
        return value  # state that a module adds to its tensors
    tensor = value.detach().cpu()
    return (tensor.double() if tensor.is_floating_point() else tensor).numpy()


@contextmanager
def _evaluating(module: Any) -> Iterator[None]:
    """Set evaluation mode; afterwards each part is in the mode it was in."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode


def _describe(name: str, part: Any) -> tuple[Any, ...]:
    """Collect what a part computes with besides its parameters: its class, and plain attributes."""
    import torch

    common = vars(torch.nn.Module()).keys()
    attributes = {
        key: _as_array(value) for key, value in sorted(vars(part).items()) if key not in common
    }
    return name, type(part), attributes
