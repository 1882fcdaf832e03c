"""A feed of MISP as pymisp reads it.

Called with the feed's folder; prints what it found as JSON: for each event its info, date, tags, attributes by type, and objects.
"""

import json
import pathlib
import sys

from pymisp import MISPEvent

folder = pathlib.Path(sys.argv[1])
manifest = json.loads((folder / "manifest.json").read_text())
found = []
for uuid, said in manifest.items():
    event = MISPEvent()
    event.load_file(str(folder / f"{uuid}.json"))
    assert event.uuid == uuid and event.info == said["info"] and event.Orgc.name == said["Orgc"]["name"]
    attributes = {}
    for attribute in event.attributes:
        # pymisp refuses types and categories that MISP does not have.
        attributes.setdefault(attribute.type, []).append(attribute.value)
        assert attribute.category and attribute.uuid and isinstance(attribute.to_ids, bool)
    # Nor does it take an object whose attributes have no relation.
    objects = {}
    for object in event.objects:
        assert object.uuid and object["meta-category"]
        objects[object.name] = sorted(f"{one.object_relation}={one.value}" for one in object.attributes)
    found.append({
        "info": event.info, "date": str(event.date), "published": event.published,
        "tags": sorted(tag.name for tag in event.tags), "attributes": attributes, "objects": objects,
        "sightings": sum(len(attribute.sightings) for attribute in event.attributes),
    })
    assert MISPEvent().from_json(event.to_json()) is None
print(json.dumps(found))
