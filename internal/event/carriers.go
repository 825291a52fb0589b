package event

import (
	"errors"
	"strings"
)

// records reads a list of notifications, SQS messages or SNS messages.
func (p *parser) records(o object, in carrier) error {
	if !o.isArray("Records") {
		return fault(UnknownShape, "Records is not an array")
	}
	p.kind(S3, in)
	var first Kind
	return p.list(o["Records"], func(b []byte) (bool, error) {
		o, err := members(b, "s3", "eventVersion", "eventSource", "eventName", "Sns", "body", "messageId")
		if err != nil {
			return false, err
		}
		k := recordKind(o, in)
		switch {
		case k == "":
			return false, fault(UnknownShape, "the record has no shape that sluice knows")
		case first == "":
			first = k
			p.kind(k, in)
		case k != first:
			return false, fault(UnknownShape, "the record is not of the same kind as the one before it")
		}
		switch k {
		case SQS:
			return true, p.sqsMessage(o)
		case SNS:
			sns, err := members(o["Sns"], "Type", "Message")
			if err != nil {
				return true, err
			}
			return true, p.sns(sns, inSQS)
		default:
			return true, p.notification(o)
		}
	})
}

func recordKind(o object, in carrier) Kind {
	switch {
	case o.has("s3"):
		return S3
	case in == top && o.has("Sns"):
		return SNS
	case in == top && (o.has("body") || o.has("messageId")):
		return SQS
	}
	return ""
}

// sqsMessage reads a message. A fault inside it becomes one record with the
// message's id, so that only this message comes back.
func (p *parser) sqsMessage(o object) error {
	id, ok := text(o["messageId"])
	if !ok || id == "" {
		return fault(MissingField, "the message has no messageId")
	}
	if len(p.event.Messages) >= MaxRecords {
		return fault(TooManyRecords, "more than %d messages", MaxRecords)
	}
	p.event.Messages = append(p.event.Messages, id)
	p.message = id
	defer func() { p.message = "" }()
	start := len(p.event.Records)
	err := p.messageBody(o["body"])
	var e *ParseError
	if errors.As(err, &e) {
		r := Record{Object: Object{Size: -1}, MessageID: id, Action: Error, Reason: e.Reason, Detail: "message body: " + e.Detail}
		// Not by add: a message that exceeds MaxRecords must still fail by name.
		p.event.Records = append(p.event.Records[:start], r)
	}
	return nil
}

func (p *parser) messageBody(b []byte) error {
	body, ok := text(b)
	switch {
	case !ok:
		return fault(MissingField, "it is missing, or not text")
	case strings.TrimSpace(body) == "":
		return fault(BadJSON, "it is empty")
	}
	return p.document([]byte(body), inSQS)
}

// sns reads the envelope of a message, or the member Sns of a record.
func (p *parser) sns(o object, in carrier) error {
	p.kind(SNS, in)
	if t, _ := text(o["Type"]); t != "Notification" {
		return fault(UnknownShape, "the SNS message is not a Notification")
	}
	message, ok := text(o["Message"])
	if !ok {
		return fault(MissingField, "the SNS message has no Message")
	}
	return p.document([]byte(message), inSNS)
}
