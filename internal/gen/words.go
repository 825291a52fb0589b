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

// words are JSON text: some hold escapes, some plain letters beyond ASCII.
type words struct{ givenNames, streets, cities, goods, categories []string }

var (
	awkward = words{
		givenNames: []string{"Ana", "Björn", "Chloé", "Dmitri", "Eda", "Fatma", "Giulia", "Håkon", "Ines", "Jos\\u00e9", "小明", "Łucja", "محمد", "Zo\\u00eb"},
		streets:    []string{" Street, ", " Road\\n", "straße, ", " \\\"Old\\\" Lane, ", " Square\\/East, "},
		cities:     []string{"Springfield", "København", "Kraków", "São Paulo", "東京", "Z\\u00fcrich", "Lyon", "Athens"},
		goods:      []string{"lamp", "27\\\" monitor", "café cup", "desk", "gift box 🎁", "cable (2\\u00a0m)", "chair", "notebook", "ka\\tbel", "pen \\ud83d\\ude00"},
		categories: []string{"home", "office", "electronics", "kitchen", "garden", "toys & games", "books"},
	}
	// One text in ten or so with an escape, one in five beyond ASCII.
	plain = words{
		givenNames: []string{"Ana", "Björn", "Chloe", "Dmitri", "Eda", "Fatma", "Giulia", "Henry", "Ines", "Jos\\u00e9", "Kim", "Liam", "Mary", "Noah", "Olivia", "小明", "Peter", "Zoë"},
		streets: []string{" Street, ", " Road, ", "straße, ", " Avenue, ", " Lane, ", " Drive, ", " Park, ", " Hill, ", " Court, ", " Way, ",
			" Place, ", " Square, ", " Gardens\\n", " \\\"Old\\\" Lane, "},
		cities:     []string{"Springfield, IL 62704", "Portland, OR 97205", "Austin, TX 78701", "Leeds LS1 4DY", "Paris 75011", "Boston, MA 02108", "Athens 104 31", "Lyon 69002", "Z\\u00fcrich 8001", "São Paulo 01310-100", "東京都港区"},
		goods:      []string{"lamp", "desk", "chair", "notebook", "backpack", "keyboard", "bottle", "headphones", "blender", "yoga mat", "phone case", "running shoes", "coffee maker", "café cup", "27\\\" monitor"},
		categories: []string{"Home & Kitchen", "Office Products", "Electronics", "Garden", "Toys & Games", "Books", "Clothing", "Sports & Outdoors", "Beauty", "Automotive", "Grocery", "Health", "Pet Supplies", "Music", "Shoes", "Tools"},
	}
	syllables = []string{"ka", "ri", "mo", "ten", "sa", "lu", "vi", "nor", "be", "ju", "dal", "per", "ost", "qui", "fa", "zen"}
	channels  = []string{"web", "shop", "phone"}
)

func one[T any](rng *rand.Rand, list []T) T { return list[rng.IntN(len(list))] }

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
