"""The labeler behind LitServe, for `benchmarks/serving.py`: python serving_litserve.py PORT."""

import sys

import litserve
import msgspec

from quoth import Article, Labeler
from quoth.records import Record


class Labelling(litserve.LitAPI):
    """Batches of 16 after a wait of 4 ms: about the characters and the wait of `quoth serve`.

    LitServe reads the types of a request and of an answer from annotations; without any it takes JSON as it comes.
    """

    def setup(self, device: str) -> None:
        self.labeler = Labeler.from_pretrained(threads=1)

    def decode_request(self, request):  # type: ignore[no-untyped-def]
        return str(request["text"])

    def batch(self, inputs: list[str]) -> list[str]:
        return inputs

    def predict(self, x: list[str]) -> list[Record]:
        return [*self.labeler.label(Article(str(k), text) for k, text in enumerate(x))]

    def unbatch(self, output: list[Record]) -> list[Record]:
        return output

    def encode_response(self, output):  # type: ignore[no-untyped-def]
        return msgspec.to_builtins(output)


if __name__ == "__main__":
    server = litserve.LitServer(
        Labelling(max_batch_size=16, batch_timeout=0.004),
        accelerator="cpu",
        devices=1,
        workers_per_device=1,
        timeout=120,
    )
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False)
