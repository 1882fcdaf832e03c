"""What another library finds in a PDF: whether it is tagged, its language and title, its tags, its text."""

import collections
import json
import sys

from pypdf import PdfReader

reader = PdfReader(sys.argv[1])
root = reader.trailer["/Root"]
tags = collections.Counter()


def walk(node):
    node = node.get_object()
    if isinstance(node, list):
        for child in node:
            walk(child)
    elif isinstance(node, dict):
        if "/S" in node:
            tags[node["/S"][1:]] += 1
        if "/K" in node:
            walk(node["/K"])


walk(root["/StructTreeRoot"])
print(json.dumps({
    "tagged": bool(root["/MarkInfo"]["/Marked"]),
    "language": root["/Lang"],
    "title": reader.metadata.title,
    "pages": len(reader.pages),
    "tags": tags,
    "text": " ".join(" ".join(page.extract_text() for page in reader.pages).split()),
}))
