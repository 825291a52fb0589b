package gen

import "math/rand/v2"

// defect is what makes an order one to be quarantined. Each leaves the
// document valid JSON (RFC 8259), so that the orders round it stay readable.
type defect uint8

const (
	good defect = iota
	missingID
	missingPrice
	priceIsText
	impossibleDate
	noProducts
	repeatedMember
	loneSurrogate
	defects // the number of them
)

// The words are JSON text: some hold escapes, some plain letters beyond ASCII.
var (
	givenNames = []string{"Ana", "Björn", "Chloé", "Dmitri", "Eda", "Fatma", "Giulia", "Håkon", "Ines", "Jos\\u00e9", "小明", "Łucja", "محمد", "Zo\\u00eb"}
	syllables  = []string{"ka", "ri", "mo", "ten", "sa", "lu", "vi", "nor", "be", "ju", "dal", "per", "ost", "qui", "fa", "zen"}
	streets    = []string{" Street, ", " Road\\n", "straße, ", " \\\"Old\\\" Lane, ", " Square\\/East, "}
	cities     = []string{"Springfield", "København", "Kraków", "São Paulo", "東京", "Z\\u00fcrich", "Lyon", "Athens"}
	goods      = []string{"lamp", "27\\\" monitor", "café cup", "desk", "gift box 🎁", "cable (2\\u00a0m)", "chair", "notebook", "ka\\tbel", "pen \\ud83d\\ude00"}
	categories = []string{"home", "office", "electronics", "kitchen", "garden", "toys & games", "books"}
	channels   = []string{"web", "shop", "phone"}
)

func one(rng *rand.Rand, words []string) string { return words[rng.IntN(len(words))] }

// word appends an invented word of syllables. A catalogue needs few of them;
// else six of sixteen make one of 16 million.
func (r *renderer) word(b []byte) []byte {
	n := 6
	if r.opts.Catalogue {
		n = 3
	}
	bits := r.rng.Uint32()
	for range n {
		b = append(b, syllables[bits%16]...)
		bits /= 16
	}
	return b
}
