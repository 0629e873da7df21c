"""A model folder as Hugging Face keeps models: float32 safetensors, config, tokenizer and card; and back into torch."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from quoth.errors import InputError, ModelError
from quoth.extras import needs
from quoth.model.checkpoint import WEIGHTS, Manifest, finder_folder, read_manifest
from quoth.model.embeddings import restore_rows
from quoth.model.layout import SENTIMENT_LABELS, STANCE_LABELS

if TYPE_CHECKING:
    from quoth.model.network import Classifier, Extractor

Floats = NDArray[np.float32]
Network = TypeVar("Network", "Classifier", "Extractor")

EXTRACTOR = "extractor"
"""The folder in an export that holds what finds statements; what classifies them lies above it."""
HEADS = "heads.safetensors"

_NETWORK, _BODY = "network.", "encoder.body."
"""What names begin with: those of a network's weights in a graph, and those of its backbone among them."""


_BASES = {
    "small": "sentence-transformers/all-MiniLM-L6-v2",
    "base": "sentence-transformers/all-mpnet-base-v2",
}
"""What the encoders of the package's models were fine-tuned from."""


@dataclass(frozen=True)
class Weights:
    """What a graph holds: float32 weights of the backbone and of the heads, by their names in torch, and its shape."""

    backbone: dict[str, Floats]
    heads: dict[str, Floats]
    n_heads: int
    epsilon: float


def export(model: Path, out: Path) -> None:
    """Write the model folder `model` to the new folder `out`, whole or not at all.

    Raises InputError where `out` is not new, ModelError where a graph's backbone is neither BERT nor MPNet, for a model
    that starts from another, and for one of one encoder, which no class of transformers reads.
    """
    with needs("Export to Hugging Face", "hf"):
        import onnx  # noqa: F401
        import torch  # noqa: F401
        import transformers  # noqa: F401

    if out.exists():
        raise InputError(f"{out}: is there already; expected the name of a new folder")
    manifest = read_manifest(model)
    if manifest.start is not msgspec.UNSET:
        raise ModelError(
            f"{model}: holds no networks, only what was learned on top of {manifest.start.name!r}; export that"
        )
    if manifest.one_encoder:
        raise ModelError(
            f"{model}: finds and classifies statements with one encoder, which cannot be exported; expected a model of two"
        )
    finder = finder_folder(model, manifest) if manifest.extractor else model
    try:
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as scratch:
            folder = Path(scratch) / "model"
            _write_network(model, "classifier", folder, manifest)
            _write_network(finder, "extractor", folder / EXTRACTOR, manifest)
            _write_tokenizer(finder / "tokenizer.json", folder)
            (folder / "README.md").write_text(_card(model, manifest), "utf-8")
            os.replace(folder, out)
    except OSError as error:
        raise InputError(f"{out}: cannot be written: {error.strerror or error}") from error


def load_classifier(folder: str | Path) -> Classifier:
    """The network that tells stances, from an exported folder, ready for inference or further training."""
    with needs("Loading into torch", "hf"):
        from quoth.model.network import Classifier

    return _filled(Classifier(str(folder), pretrained=False), Path(folder))


def load_extractor(folder: str | Path) -> Extractor:
    """The network that finds statements, from an exported folder; see `load_classifier`."""
    with needs("Loading into torch", "hf"):
        from quoth.model.network import Extractor

    folder = Path(folder) / EXTRACTOR
    return _filled(Extractor(str(folder), pretrained=False), folder)


def _filled(network: Network, folder: Path) -> Network:
    from safetensors.torch import load_file

    backbone, heads = load_file(folder / "model.safetensors"), load_file(folder / HEADS)
    network.encoder.table = backbone.pop("embeddings.word_embeddings.weight")
    state = {_BODY + name: tensor for name, tensor in backbone.items()} | heads
    missing, unknown = network.load_state_dict(state, strict=False)
    # The network keeps its word embeddings in `table`; zeros, as it starts with, are what graphs without a target's place mean.
    expected = ("word_embeddings.weight", "target_place.weight", "target_place.bias")
    missing = [name for name in missing if not name.endswith(expected)]
    if missing or unknown:
        raise ModelError(f"{folder}: lacks {missing or 'nothing'}, has also {unknown or 'nothing'}")
    network.eval()
    return network


def _write_network(model: Path, part: str, folder: Path, manifest: Manifest) -> None:
    """The graph `part` of a model folder, and the word embeddings beside it."""
    import torch
    from safetensors.numpy import save_file
    from transformers import AutoModel

    weights = read_weights(model / f"{part}.onnx")
    with np.load(model / "embeddings.npz") as stored:
        rows = stored["rows"]
        words = restore_rows(rows, stored["scales"].reshape(len(rows), -1))
    config = _config(weights, words)
    config.quoth = _reading(manifest) | {"part": part}
    body = AutoModel.from_config(config, add_pooling_layer=False)
    state = weights.backbone | {"embeddings.word_embeddings.weight": words}
    try:
        body.load_state_dict({name: torch.tensor(value) for name, value in state.items()})
    except RuntimeError as error:
        raise ModelError(f"{model / part}.onnx: its backbone is no {config.model_type}: {error}") from error
    body.save_pretrained(folder)
    save_file(weights.heads, folder / HEADS)


def _reading(manifest: Manifest) -> dict[str, Any]:
    """How to read the heads' answers: what config.json says under `quoth`."""
    return {
        "name": manifest.name,
        "version": manifest.version,
        "stances": STANCE_LABELS,
        "sentiments": SENTIMENT_LABELS,
        "stance_temperature": manifest.calibration.stance,
        "sentiment_temperature": manifest.calibration.sentiment,
        "context": manifest.context,
        "together": manifest.together,
    }


def _config(weights: Weights, words: Floats) -> Any:
    """The transformers config of a backbone, read off its weights."""
    from transformers import BertConfig, MPNetConfig

    backbone = weights.backbone
    shared = {
        "vocab_size": len(words),
        "hidden_size": words.shape[1],
        "num_hidden_layers": len(
            {name.split(".")[2] for name in backbone if name.startswith("encoder.layer.")}
        ),
        "num_attention_heads": weights.n_heads,
        "intermediate_size": len(backbone["encoder.layer.0.intermediate.dense.bias"]),
        "max_position_embeddings": len(backbone["embeddings.position_embeddings.weight"]),
        "layer_norm_eps": weights.epsilon,
        "attention_probs_dropout_prob": 0.0,
    }
    if "encoder.relative_attention_bias.weight" in backbone:
        buckets = len(backbone["encoder.relative_attention_bias.weight"])
        # Its words are in the order of BERT's vocabulary.
        return MPNetConfig(**shared, relative_attention_num_buckets=buckets, pad_token_id=1)
    return BertConfig(**shared, type_vocab_size=len(backbone["embeddings.token_type_embeddings.weight"]))


def _write_tokenizer(source: Path, folder: Path) -> None:
    shutil.copyfile(source, folder / "tokenizer.json")
    special = {f"{name.lower()}_token": f"[{name}]" for name in ("CLS", "SEP", "PAD", "UNK", "MASK")}
    described = special | {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": 512,
        "model_input_names": ["input_ids", "attention_mask"],
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(described, indent=1) + "\n", "utf-8")


def read_weights(path: Path) -> Weights:
    """The weights of a graph that `quoth.training.export` wrote, those in few bits restored to float32.

    Raises ModelError where the graph is another.
    """
    import onnx

    graph = onnx.load(path).graph
    held = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    named = {
        name: value
        for name, value in held.items()
        if name.startswith(_NETWORK) and not name.endswith("_scale")
    }
    other = ModelError(f"{path}: expected a graph that quoth exported, of a BERT or MPNet encoder")
    try:
        named |= dict(_restored(graph, held))
    except KeyError as error:
        raise other from error
    named = {name.removeprefix(_NETWORK): value for name, value in named.items() if value.dtype == np.float32}
    norms = {
        round(attribute.f, 13)
        for node in graph.node
        if node.op_type == "LayerNormalization"
        for attribute in node.attribute
        if attribute.name == "epsilon"
    }
    n_heads = _attention_heads(graph)
    if n_heads is None or len(norms) != 1 or f"{_BODY}encoder.layer.0.intermediate.dense.bias" not in named:
        raise other
    backbone = {name.removeprefix(_BODY): value for name, value in named.items() if name.startswith(_BODY)}
    heads = {name: value for name, value in named.items() if not name.startswith(_BODY)}
    return Weights(backbone, heads, n_heads, norms.pop())


def _attention_heads(graph: Any) -> int | None:
    """Of a fused attention, or by the shape of a softmax's input, (batch, heads, seq, seq)."""
    shapes = {value.name: value.type.tensor_type.shape.dim for value in graph.value_info}
    for node in graph.node:
        if node.op_type == "MultiHeadAttention":
            return next(int(a.i) for a in node.attribute if a.name == "num_heads")
        if node.op_type == "Softmax" and node.input[0] in shapes:
            return int(shapes[node.input[0]][1].dim_value)
    return None


def _restored(graph: Any, held: dict[str, NDArray[Any]]) -> Iterator[tuple[str, Floats]]:
    """The weights of matrix products in few bits, (out, in), each named after the bias that is added to its product."""
    import onnx

    biases = {
        given: name
        for node in graph.node
        if node.op_type == "Add"
        for given in node.input
        for name in node.input
        if name.endswith(".bias")
    }
    readers = {given: node for node in graph.node for given in node.input}
    for node in graph.node:
        if node.op_type == "MatMulInteger":
            columns = held[node.input[1]] * held[node.input[1].removesuffix("quantized") + "scale"]
            # Its whole numbers become floats, and are multiplied by both scales.
            product = readers[readers[node.output[0]].output[0]]
            name = biases[product.output[0]].removesuffix("bias") + "weight"
            yield name, np.ascontiguousarray(columns.T, dtype=np.float32)
        if node.op_type == "MatMulNBits":
            setting = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            _, levels, scales = (held.get(name) for name in node.input[:3])
            name = biases[node.output[0]].removesuffix("bias") + "weight"
            yield name, _float(levels, scales, setting["bits"])[:, : setting["K"]]


def _float(levels: Any, scales: Any, bits: int) -> Floats:
    """levels: (out, blocks, bytes), symmetric around the middle; scales: (out, blocks).  Returns (out, in)."""
    if bits == 4:
        levels = np.stack([levels & 15, levels >> 4], axis=-1).reshape(*levels.shape[:2], -1)
    centred = levels.astype(np.float32) - 2 ** (bits - 1)
    restored: Floats = (centred * scales.reshape(*levels.shape[:2], 1)).reshape(len(levels), -1)
    return restored


def _card(model: Path, manifest: Manifest) -> str:
    """README.md of an export; the encoders that the package's own models come from are named."""
    base = _BASES.get(model.name) if model.parent == WEIGHTS else None
    return _CARD.substitute(
        name=manifest.name,
        version=manifest.version,
        base=f"base_model: {base}\n" if base else "",
        stances=", ".join(STANCE_LABELS),
        sentiments=", ".join(SENTIMENT_LABELS),
        context=manifest.context,
        view="one view answers for all statements in it"
        if manifest.together
        else "each statement has a view of its own, in the middle of it",
    )


_CARD = Template(
    """\
---
license: apache-2.0
language: en
library_name: transformers
${base}tags: [stance-detection, quotation-attribution, news]
---
# quoth $name $version

What a statement in an English news article does: accusation, denial, condemnation, solidarity or other; with what
sentiment, and toward whom. Exported by `quoth export hf`: float32 weights restored from those of few bits that quoth runs.
Logits are those of quoth's own graph within 0.0001 where the graph computes in float32. As shipped it rounds activations
to 8 bits, and then stances and sentiments differ by up to 0.15.

| file | |
|---|---|
| `model.safetensors`, `config.json` | the encoder that tells stances; under `quoth` the labels in their order and the temperatures |
| `tokenizer.json` | BERT's word pieces, also where the encoder is an MPNet |
| `heads.safetensors` | what reads the encoder's states, below |
| `extractor/` | a second encoder, with heads: it finds statements, cues, sources and names |

## The encoder

```python
from transformers import AutoModel, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(".")
encoder = AutoModel.from_pretrained(".", trust_remote_code=False, add_pooling_layer=False)
states = encoder(**tokenizer("They lied.", return_tensors="pt")).last_hidden_state
```

## The heads

`pip install 'quoth[hf]'` has the whole network in torch, to ask or to train further:

```python
import torch

from quoth.huggingface import load_classifier

text = "“They lied to us,” said Ida Brandt of the harbour board."
start, end = text.index("“"), text.index("”") + 1

classifier = load_classifier(".")
seen = tokenizer(text, return_tensors="pt", return_offsets_mapping=True)
starts, ends = seen["offset_mapping"].unbind(-1)
marks = ((starts < end) & (ends > start)).long()
first = int(marks.argmax())
spans = torch.tensor([[0, first, first + int(marks.sum())]])
words = classifier.encoder.embed(seen["input_ids"])
told = classifier(words, seen["attention_mask"], marks, spans)
reading = encoder.config.quoth
probabilities = (told.stance / reading["stance_temperature"]).softmax(-1)
stance = reading["stances"][int(probabilities.argmax())]
```

Without quoth: the encoder reads `inputs_embeds`, its word embeddings plus `highlight` at the tokens of statements. A
statement's state is `tanh(pool [h; m])`, with h the state of [CLS] and m the mean state of its tokens. Then:

| weights | |
|---|---|
| `labels` (13) | logits of 5 stances ($stances), of 5 second stances (`other`: none), of 3 sentiments ($sentiments) |
| `target_query`, `target_key` (128) | of the statement's state and of each token's: 64 for the target's first token, 64 for its last; logit of a token: their product / 8, position 0: no target |
| `target_place` (6), where there is one | of the statement's state: what log(1 + tokens before it), log(1 + tokens behind it) and being within it add to each of a token's two logits |
| `extractor/`: `tags` (9) | outside, begin, inside for content, cue, source in turn |
| `extractor/`: `links.0`, GELU, `links.2` (384) | queries and keys, 64 each, of content -> cue, cue -> source, content -> name; logit: their product / 8, key 0: nowhere |

The classifier was trained on views of up to $context tokens; $view.
What the model is good for, how it was judged and where it errs is told in quoth's model card.
"""
)
