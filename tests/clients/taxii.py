"""A node as the field's own clients see it: taxii2-client and stix2, over HTTP.

Called with the address of discovery, a key that reads and writes one collection up to TLP:GREEN, and how many objects
that collection has; prints nothing but what is wrong.
"""

import json
import sys

import requests
import stix2
from stix2 import Filter, TAXIICollectionSink, TAXIICollectionSource
from taxii2client.v21 import Server, as_pages


def main(url, key, count):
    server = Server(url, user="siem", password=key)
    root = server.default
    assert root.versions == ["application/taxii+json;version=2.1"], root.versions
    (collection,) = root.collections
    assert collection.can_read and collection.can_write

    for size in (7, 100, 5000):
        pages = list(as_pages(collection.get_objects, per_request=size))
        objects = [one for page in pages for one in page["objects"]]
        assert len(objects) == count, (size, len(objects))
        assert len({one["id"] for one in objects}) == count
        records = [one for page in as_pages(collection.get_manifest, per_request=size) for one in page["objects"]]
        assert [one["id"] for one in records] == [one["id"] for one in objects]
    for one in objects:
        stix2.parse(one, allow_custom=True)

    green = stix2.Indicator(
        name="first", pattern="[ipv4-addr:value = '198.51.100.9']", pattern_type="stix",
        valid_from="2026-01-01T00:00:00Z", object_marking_refs=[stix2.TLP_GREEN],
    )
    red = stix2.Malware(name="secret", is_family=False, object_marking_refs=[stix2.TLP_RED])
    link = stix2.Relationship(green, "indicates", red, object_marking_refs=[stix2.TLP_GREEN])
    sent = [json.loads(one.serialize()) for one in (green, red, link)]
    status = collection.add_objects({"objects": [*sent, {"type": "indicator", "id": "indicator--1"}]})
    assert (status.status, status.success_count, status.failure_count) == ("complete", 3, 1)
    assert "'id' and 'type'" in status.failures[0]["message"], status.failures
    assert root.get_status(status.id).total_count == 4

    # To a reader of this clearance there is no secret, and nothing that names it.
    assert collection.get_object(green.id)["objects"] == sent[:1]
    for hidden in (red, link):
        try:
            collection.get_object(hidden.id)
        except requests.HTTPError as error:
            assert error.response.status_code == 404
        else:
            raise AssertionError(hidden)

    second = green.new_version(name="second")
    TAXIICollectionSink(collection).add(second)
    source = TAXIICollectionSource(collection)
    assert source.get(green.id).name == "second"
    assert [one.name for one in source.all_versions(green.id)] == ["first", "second"]
    assert source.query([Filter("type", "=", "indicator"), Filter("name", "=", "second")])
    assert len(collection.object_versions(green.id)["versions"]) == 2
    names = [one["name"] for one in collection.get_object(green.id, version="first")["objects"]]
    assert names == ["first"]
    collection.delete_object(green.id)
    assert [one["name"] for one in collection.get_object(green.id)["objects"]] == ["first"]
    collection.delete_object(green.id, version="all")
    assert "objects" not in collection.get_objects(id=green.id)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
