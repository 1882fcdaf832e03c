-- What comes to be seen by more readers stands in a collection once more, for them: to the others it stands where it stood.
DROP INDEX intel_member_object;
CREATE UNIQUE INDEX intel_member_object ON intel_member (object, collection, added);
