package event

// item reads a lone {"bucket", "key"}, or {"Bucket", "Key"} as Step Functions
// spells it.
func (p *parser) item(o object, in carrier) error {
	p.kind(Plain, in)
	obj, err := p.itemObject(o, nil)
	return p.look(obj, "", "", err)
}

// itemList reads a list of such items.
func (p *parser) itemList(b []byte, in carrier) error {
	p.kind(Plain, in)
	for range elements(b) {
		return p.list(b, func(b []byte) (bool, error) { return p.listed(b, nil) })
	}
	return fault(UnknownShape, "the event is an empty list")
}

// mapItems reads a batch of items of a Distributed Map. BatchInput, which the
// state machine adds to each batch, can name the bucket.
func (p *parser) mapItems(o object, in carrier) error {
	p.kind(Map, in)
	if !o.isArray("Items") {
		return fault(UnknownShape, "Items is not an array")
	}
	input, err := members(o["BatchInput"], "bucket|Bucket")
	if err != nil {
		return err
	}
	return p.list(o["Items"], func(b []byte) (bool, error) { return p.listed(b, input["bucket"]) })
}

func (p *parser) listed(b, batchBucket []byte) (known bool, err error) {
	o, err := members(b, itemMembers...)
	if err != nil {
		return false, err
	}
	if !o.has("key") {
		return false, fault(UnknownShape, "the element has no key")
	}
	obj, err := p.itemObject(o, batchBucket)
	return true, p.look(obj, "", "", err)
}

var itemMembers = []string{"bucket|Bucket", "key|Key", "size|Size", "etag|Etag|ETag", "versionId|VersionId"}

// itemObject is the object of an item. Its bucket is the item's own, else that of
// the batch, else the only bucket of the source.
func (p *parser) itemObject(o object, batchBucket []byte) (obj Object, err error) {
	obj = Object{VersionID: told(o["versionId"]), ETag: told(o["etag"]), Size: size(o["size"])}
	bucket := o["bucket"]
	if bucket == nil {
		bucket = batchBucket
	}
	if bucket != nil {
		obj.Bucket, err = bucketName(bucket, "bucket")
	} else if only, ok := p.allow.onlyBucket(); ok {
		obj.Bucket = only
	} else {
		err = fault(MissingField, "no bucket, and the source does not have exactly one")
	}
	if err != nil {
		return obj, err
	}
	obj.Key, err = keyName(o["key"], "key", asIs)
	return obj, err
}
