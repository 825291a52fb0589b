package reason

// CompressedTwice is the detail of a NotJSON that is sound below another layer:
// what to do about it is not what to do about other NotJSON.
const CompressedTwice = "the object is compressed twice; one layer is taken off"
