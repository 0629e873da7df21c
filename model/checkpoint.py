"""A model folder: two graphs, one embedding table, a tokenizer, and model.json that describes them.

A folder may hold a classifier alone, and leave finding statements and their speakers to the folder beside it that
model.json names.  Or it may hold no network, but a head: what was learned on top of the model that model.json names as its
start.
"""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi.onnxruntime_pybind11_state import Fail as InvalidGraph

from quoth.cores import available
from quoth.errors import ModelError
from quoth.label_sets import LabelSet
from quoth.model.embeddings import restore_rows
from quoth.model.heads import CORRECTED, LABEL, Head
from quoth.model.products import left_out
from quoth.model.windows import Pieces

FILES = ("classifier.onnx", "embeddings.npz", "extractor.onnx", "tokenizer.json")

CLASSIFIER_FILES = ("classifier.onnx", "embeddings.npz")
"""Of a folder that leaves finding statements to another."""

OWN_WORDS = ("embeddings.npz", "tokenizer.json")
"""Of FILES, those that a folder may leave to another."""

INT8 = "int8.onnx"
"""Of a folder whose products are of whole numbers, see `quoth.model.products`."""

HEAD = "head.npz"
"""The one file of a folder that starts from another model, see `quoth.model.heads`."""

FORMAT = 2

STATES = "states"
"""What the extractor of a model of one encoder returns beside the rest, and its classifier reads: (1, seq, width)."""

SPEAKER = "speaker"
"""What the classifier of a reader returns beside the rest: logits of the tokens that name the speaker, (n, seq)."""

POOLED = "tanh"
"""The value of the classifier's graph that its heads read, (1, n, width): the export calls it so."""

SLOWER = ["SkipLayerNormFusion"]
"""Of ONNX Runtime's rewritings of a graph: its fused normalisation takes nine times as long as the plain one."""

WEIGHTS = Path(__file__).parent.parent / "weights"
"""The model folders of the package."""

Array = NDArray[Any]


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Temperatures that divide the logits (Guo et al. 2017), and logistic maps score -> probability.

    statement, speaker: (slope, offset) of sigmoid(slope * logit(score) + offset).
    paraphrase: of the stance of paraphrases that the extractor found, see `quoth.model.stances.among_paraphrases`.
    """

    stance: float = 1.0
    sentiment: float = 1.0
    statement: tuple[float, float] = (1.0, 0.0)
    speaker: tuple[float, float] = (1.0, 0.0)
    paraphrase: tuple[float, float] = (1.0, 0.0)


class Start(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Name of a model's folder, beside the one that starts from it or in the package, and its `folder_hash`: a head fits no other
    networks."""

    name: str
    hash: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """model.json: what the graphs were trained to read, and how to read their answers."""

    format: int
    name: str
    version: str
    window: int
    window_left: int
    window_right: int
    context: int
    together: bool
    """Whether one view of `context` tokens answers for all its statements; otherwise each has a view of its own."""
    calibration: Calibration
    extractor: str = ""
    """Name of the folder, beside this one or in the package, that finds statements; empty: this one does."""
    leaves_targets: bool = False
    """Whether that folder's classifier tells targets, too."""
    files: dict[str, str] = {}
    """sha256 of each file."""
    int8: bool | msgspec.UnsetType = msgspec.UNSET
    """Whether the classifier is opened as INT8 has it."""
    one_encoder: bool | msgspec.UnsetType = msgspec.UNSET
    """Whether the classifier reads the extractor's states, not the text; then `context` and `together` say nothing."""
    words: str | msgspec.UnsetType = msgspec.UNSET
    """Name of the folder, beside this one or in the package, whose tokenizer and word embeddings this one uses; unset: its own."""
    start: Start | msgspec.UnsetType = msgspec.UNSET
    """The model whose networks this one uses; unset: it has its own."""
    label_set: LabelSet | msgspec.UnsetType = msgspec.UNSET
    """What its head tells; unset: nothing beside what its start tells."""

    def contents(self) -> tuple[str, ...]:
        """The files beside model.json."""
        if self.start is not msgspec.UNSET:
            return (HEAD,)
        own: tuple[str, ...] = CLASSIFIER_FILES if self.extractor else FILES
        if self.words:
            own = tuple(name for name in own if name not in OWN_WORDS)
        return (*own, INT8) if self.int8 else own

    def finding_with(self, finder: Manifest) -> Manifest:
        """This model, finding statements and speakers as `finder` does."""
        calibration = msgspec.structs.replace(
            self.calibration, statement=finder.calibration.statement, speaker=finder.calibration.speaker
        )
        windows = {name: getattr(finder, name) for name in ("window", "window_left", "window_right")}
        return msgspec.structs.replace(self, calibration=calibration, **windows)


class Checkpoint:
    """A model folder, opened for labelling.  Raises ModelError where a file is missing or altered."""

    def __init__(self, folder: Path, threads: int | None = None) -> None:
        """threads: of each graph; None: one for each core that is ours, see `quoth.cores`."""
        own = _whole_manifest(folder)
        self.hash = folder_hash(folder)
        self._head: Head | None = None
        if own.start is not msgspec.UNSET:
            labels = own.label_set
            classes = CORRECTED if labels is msgspec.UNSET else {LABEL: len(labels.labels)}
            self._head = Head.from_file(folder / HEAD, classes)
            folder = start_folder(folder, own.start)
            if _whole_manifest(folder).start is not msgspec.UNSET:
                raise ModelError(f"{folder}: has no networks of its own, so no other model can start from it")
        words = folder
        if own.words:
            words = beside(folder, own.words)
            _check(words, read_manifest(words), OWN_WORDS)
        self._finder: Checkpoint
        self.manifest: Manifest
        self.pieces: Pieces
        if own.extractor:
            self._finder = Checkpoint(finder_folder(folder, own), threads)
            self.manifest, self.pieces = own.finding_with(self._finder.manifest), self._finder.pieces
        else:
            self._finder = self
            self.manifest, self.pieces = own, Pieces.from_file(words / "tokenizer.json")
        self.targets = self._finder if own.leaves_targets else self
        """What tells targets."""
        with np.load(words / "embeddings.npz") as stored:
            self._rows = stored["rows"]
            self._scales = stored["scales"].reshape(len(self._rows), -1)
        self._folder = folder
        self._classifier_graph = INT8 if own.int8 else "classifier.onnx"
        self._threads = threads or available()

    def extract(self, ids: NDArray[np.int64]) -> dict[str, Array]:
        """ids: (seq,) -> tags (seq, 9) and six link matrices (seq, LINK_WIDTH); of a model of one encoder also STATES (seq, width)."""
        finder = self._finder
        answer = self.run(finder._extractor, {"embeddings": finder._embed(ids)})
        return {name: value[0] for name, value in answer.items()}

    def classify(
        self,
        ids: NDArray[np.int64],
        marks: NDArray[np.int64],
        spans: NDArray[np.int64],
        states: NDArray[Any] | None = None,
    ) -> dict[str, Array]:
        """ids, marks: (seq,), marks = 1 inside any statement; spans: (n, 2) first and end position of each; states: (seq, width) what
        a model of one encoder reads instead of ids and marks ->
        logits stance (n, 5), second (n, 5), sentiment (n, 3) and target (n, seq, 2), and label (n, k) of k labels, where it has a
        set of them."""
        if self._head is None:
            return self.run(self._classifier, self.feeds(ids, marks, spans, states))
        return self.pool(ids, marks, spans, states)[0]

    def pool(
        self,
        ids: NDArray[np.int64],
        marks: NDArray[np.int64],
        spans: NDArray[np.int64],
        states: NDArray[Any] | None = None,
    ) -> tuple[dict[str, Array], NDArray[np.float32]]:
        """Takes what `classify` takes; returns what that does, and the state of each statement that the logits are made of,
        (n, width)."""
        answer = self.run(self._pooler, self.feeds(ids, marks, spans, states))
        pooled = answer.pop(POOLED)[0]
        return answer if self._head is None else self._head.corrected(answer, pooled), pooled

    def feeds(
        self,
        ids: NDArray[np.int64],
        marks: NDArray[np.int64],
        spans: NDArray[np.int64],
        states: NDArray[Any] | None = None,
    ) -> dict[str, Array]:
        """What the classifier's graph takes for that."""
        in_view = np.pad(spans, ((0, 0), (1, 0)))
        if states is not None:
            return {STATES: states[None], "spans": in_view}
        return {"embeddings": self._embed(ids), "marks": marks[None], "spans": in_view}

    @functools.cached_property
    def _extractor(self) -> Any:
        return self._session("extractor.onnx")

    @functools.cached_property
    def _classifier(self) -> Any:
        # An article without a statement never asks for it.
        return self._session(self._classifier_graph)

    @functools.cached_property
    def _pooler(self) -> Any:
        try:
            return self._session(self._classifier_graph, POOLED)
        except InvalidGraph as error:
            path = self._folder / self._classifier_graph
            raise ModelError(f"{path}: has no value {POOLED!r}: {error}") from error

    def _session(self, graph: str, value: str | None = None) -> Any:
        """graph: the name of a file of the folder; value: what it returns beside its outputs."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.log_severity_level = 3
        path = self._folder / graph
        # ONNX Runtime reads a file itself without a copy of it here.
        source: str | bytes = str(path)
        if graph == INT8:
            source = path.read_bytes()
            tensors = left_out(source, (self._folder / "classifier.onnx").read_bytes())
            values = [onnxruntime.OrtValue.ortvalue_from_numpy(tensor) for tensor in tensors.values()]
            options.add_external_initializers(list(tensors), values)
        if value is not None:
            source = with_output(path.read_bytes(), value)
        return onnxruntime.InferenceSession(
            source, options, providers=["CPUExecutionProvider"], disabled_optimizers=SLOWER
        )

    def _embed(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """(seq,) -> (1, seq, width)"""
        return restore_rows(self._rows[ids], self._scales[ids])[None]

    @staticmethod
    def run(session: Any, feeds: dict[str, Array]) -> dict[str, Array]:
        """The outputs of a graph, by name."""
        names = [output.name for output in session.get_outputs()]
        if "mask" in (node.name for node in session.get_inputs()):
            # A graph that was exported to read several texts at once.
            feeds["mask"] = np.ones(feeds["embeddings"].shape[:2], dtype=np.int64)
        return dict(zip(names, session.run(names, feeds), strict=True))


def with_output(graph: bytes, value: str) -> bytes:
    """An ONNX graph that also returns one of its inner values.

    Of two protobuf messages one after the other, a reader makes one message that has the repeated fields of both; so
    what goes behind is a ModelProto whose graph has nothing but this output.
    """
    model_graph, graph_output, output_name = 7, 12, 1
    message = value.encode()
    for number in (output_name, graph_output, model_graph):
        if len(message) > 127:
            raise ValueError(f"{value}: expected a name of up to 123 bytes")
        message = bytes([number << 3 | 2, len(message)]) + message
    return graph + message


def read_manifest(folder: Path) -> Manifest:
    """Raises ModelError where the folder has no model.json, or one that does not fit."""
    path = folder / "model.json"
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}; expected the folder of a quoth model") from error
    except msgspec.DecodeError as error:
        raise ModelError(f"{path}: {error}") from error
    if manifest.format != FORMAT:
        raise ModelError(f"{path}: format {manifest.format}, this version of quoth reads format {FORMAT}")
    return manifest


def _whole_manifest(folder: Path) -> Manifest:
    """Raises ModelError also where a file of the folder is missing or altered."""
    manifest = read_manifest(folder)
    _check(folder, manifest, manifest.contents())
    return manifest


def _check(folder: Path, manifest: Manifest, names: tuple[str, ...]) -> None:
    """Raises ModelError where one of these files is missing or altered."""
    for name in names:
        if not (folder / name).is_file():
            raise ModelError(
                f"{folder}: {name} is missing; a model folder holds {', '.join(manifest.contents())}, model.json"
            )
        if _sha256(folder / name) != manifest.files.get(name):
            raise ModelError(f"{folder}: {name} is not the file that model.json describes; it was altered")


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write model.json with the hashes of the files that lie in the folder."""
    files = {name: _sha256(folder / name) for name in manifest.contents()}
    manifest = msgspec.structs.replace(manifest, files=files)
    (folder / "model.json").write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")


def folder_hash(folder: Path) -> str:
    """12 hexadecimal digits over model.json, which holds the hash of every other file.

    Where another folder finds the statements, or has the words, over that one's as well.
    """
    manifest = read_manifest(folder)
    relied_on = manifest.extractor or manifest.words
    if manifest.start is not msgspec.UNSET or not relied_on:
        # Of a model that this one starts from, model.json holds the hash.
        return _sha256(folder / "model.json")[:12]
    both = _sha256(folder / "model.json") + _sha256(beside(folder, relied_on) / "model.json")
    return hashlib.sha256(both.encode()).hexdigest()[:12]


def model_folder(model: str | Path) -> Path:
    """The folder of a model in the package, by its name, or of any other; raises ModelError where there is none."""
    folder = WEIGHTS / model if isinstance(model, str) and (WEIGHTS / model).is_dir() else Path(model)
    if not folder.is_dir():
        inside = sorted(p.name for p in WEIGHTS.glob("*")) if WEIGHTS.is_dir() else []
        raise ModelError(
            f"{model}: neither a folder nor a model of this package ({', '.join(inside) or 'none'})"
        )
    return folder


def finder_folder(folder: Path, manifest: Manifest) -> Path:
    """The folder whose extractor finds statements for the model in `folder`."""
    return beside(folder, manifest.extractor)


def start_folder(folder: Path, start: Start) -> Path:
    """The folder whose networks the model in `folder` uses.  Raises ModelError where it is missing or another than it was."""
    found = beside(folder, start.name)
    if folder_hash(found) != start.hash:
        raise ModelError(
            f"{folder}: was trained on top of {start.name} with hash {start.hash}; found {found}, version "
            f"{read_manifest(found).version}, with hash {folder_hash(found)}: train it again, or take the version of quoth that it "
            "was made with"
        )
    return found


def beside(folder: Path, name: str) -> Path:
    """The model folder `name` that the model in `folder` relies on: the one beside it, else the package's."""
    near = folder.parent / name
    return near if near.is_dir() else WEIGHTS / name


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
