package event

import "strings"

// batch reads an invocation by S3 Batch Operations.
func (p *parser) batch(o object, _ carrier) error {
	p.event.Kind = S3Batch
	version, _ := text(o["invocationSchemaVersion"])
	if version != "1.0" && version != "2.0" {
		return fault(UnsupportedVersion, "invocationSchemaVersion is neither 1.0 nor 2.0")
	}
	id, ok := text(o["invocationId"])
	if !ok || id == "" {
		return fault(MissingField, "no invocationId")
	}
	if !o.isArray("tasks") {
		return fault(UnknownShape, "tasks is not an array")
	}
	p.event.Batch = Batch{version, id}
	return p.list(o["tasks"], func(b []byte) (bool, error) {
		o, err := members(b, "taskId", "s3Key", "s3VersionId", "s3Bucket", "s3BucketArn")
		if err != nil {
			return false, err
		}
		task, ok := text(o["taskId"])
		if !ok || task == "" {
			return false, fault(MissingField, "the task has no taskId")
		}
		obj, err := taskObject(o, version)
		return true, p.look(obj, task, "", err)
	})
}

// taskObject is the object of a task. On an error it has what could be read.
func taskObject(o object, version string) (obj Object, err error) {
	obj = Object{VersionID: told(o["s3VersionId"]), Size: -1}
	if version == "2.0" {
		obj.Bucket, err = bucketName(o["s3Bucket"], "s3Bucket")
	} else {
		obj.Bucket, err = arnBucket(o["s3BucketArn"])
	}
	if err != nil {
		return obj, err
	}
	obj.Key, err = keyName(o["s3Key"], "s3Key", formEncoded)
	return obj, err
}

// arnBucket is the bucket of an ARN. Its region and account have no effect.
func arnBucket(b []byte) (string, error) {
	arn, ok := text(b)
	if !ok || arn == "" {
		return "", fault(MissingField, "no s3BucketArn")
	}
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "s3" || !validBucket(parts[5]) {
		return "", fault(BadBucket, "s3BucketArn is not the ARN of a bucket")
	}
	return parts[5], nil
}
