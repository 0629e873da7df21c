"""The labeler behind a plain FastAPI application, for `benchmarks/serving_clients.py`: python serving_fastapi.py PORT."""

import sys

import uvicorn
from fastapi import FastAPI, Response
from pydantic import BaseModel

from quoth import Article, Labeler
from quoth.records import to_json

app = FastAPI()
labeler = Labeler.from_pretrained(threads=1)


class Asked(BaseModel):
    """An article."""

    text: str


@app.post("/v1/label")
def label(asked: Asked) -> Response:
    """Label in FastAPI's thread pool: 40 at once, without a queue of its own."""
    return Response(to_json(labeler.label_one(Article("a", asked.text))), media_type="application/json")


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_level="error")
