package mapping

// Envelope says how each value of a record is wrapped in an object that states
// its type, as NoSQL databases export it.
type Envelope uint8

const (
	NoEnvelope Envelope = iota
	DynamoDB            // {"S": "text"}, {"N": "1.5"}
	MongoDB             // Extended JSON: {"$oid": "…"}, {"$numberDecimal": "1.5"}
)

var envelopeWords = [...]string{NoEnvelope: "", DynamoDB: "dynamodb", MongoDB: "mongodb"}

func (e Envelope) String() string { return word(envelopeWords[:], uint8(e)) }
