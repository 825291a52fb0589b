package profiler

import (
	"strings"
	"unicode"
)

// What names of members mean, as far as it helps to find records. A name is
// judged by its words, in whatever way they are joined: nextPage, next_page and
// Next-Page are the same.

// wordsOf are the words of a name, in lower case.
func wordsOf(name string) (words []string) {
	var word []rune
	end := func() {
		if len(word) > 0 {
			words = append(words, string(word))
			word = word[:0]
		}
	}
	runes := []rune(name)
	for i, r := range runes {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			end()
			continue
		case unicode.IsUpper(r) && i > 0 && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])):
			end()
		}
		word = append(word, unicode.ToLower(r))
	}
	end()
	return words
}

func set(words string) map[string]bool {
	s := map[string]bool{}
	for _, w := range strings.Fields(words) {
		s[w] = true
	}
	return s
}

var (
	// paging are names of members that say how a list was cut into pages, or
	// how it was asked for, whatever their value. They are joined words.
	paging = set(`count totalcount totalresults totalrecords totalitems totalelements totalpages totalsize totalrows totalhits numfound
		next nexturl nextpage nextlink nexttoken nextcursor nextpagetoken nextpageurl nextrecordsurl nextstart continuationtoken continuation
		previous prev previouspage prevpage previouslink prevurl previousurl first last firstpage lastpage
		page pages pageinfo pagesize pagenumber pagecount pagetoken currentpage perpage lastkey lastevaluatedkey
		limit offset skip start startindex startat itemsperpage maxresults resultsperpage size number numberofelements
		hasmore hasnext hasnextpage haspreviouspage more morerecords incompleteresults islast istruncated done
		cursor cursors startcursor endcursor before after
		links link self href meta metadata paging pagination pageable pager searchcriteria sort sorted aggregations facets filters
		extensions errors warnings typename requestid responsemetadata xamznrequestid consumedcapacity scannedcount
		took timedout shards maxscore etag schema schemas context odatacontext odatanextlink odatacount
		success ok live apiversion crs bbox empty createdbefore createdafter lastupdatedbefore lastupdatedafter`)
	// numeral are those of paging whose values are numbers or links.
	numeral = set(`count first last number offset limit size skip start more`)
	// around are names of members that describe how a record was asked for.
	around = set(`cursor typename links meta metadata pageinfo extensions errors warnings responsemetadata requestid consumedcapacity etag schema odatacontext success ok apiversion`)

	// tags are names of members that say which type their value has.
	tags = set(`S N M L B BOOL NULL SS NS BS`)

	// lists are values of members that say that an object is a list.
	lists = set(`list collection bundle featurecollection feed page set searchset searchresult`)
	fine  = set(`ok success succeeded true 200`)

	identifiers = set(`id uuid guid number no nr ref reference sku key arn`) // last words
	// contexts are first words of identifiers that are not those of the
	// document, but of what it belongs to, or of the request for it.
	contexts = set(`request correlation trace span session client invocation batch job run export import page message
		account shop store merchant tenant site company seller marketplace organization organisation workspace project region user api owner app application`)

	// collections are last words of names of arrays that hold records, rather
	// than parts of one.
	collections = set(`records record data results rows hits documents orders invoices customers users transactions events edges nodes features`)
)

func joined(name string) string { return strings.Join(wordsOf(name), "") }

// isIdentifier reports whether a member of that name identifies the object that
// has it.
func isIdentifier(name string) bool {
	words := wordsOf(name)
	return len(words) > 0 && identifiers[words[len(words)-1]] && (len(words) == 1 || !contexts[words[0]])
}

func isCollection(name string) bool {
	words := wordsOf(name)
	return len(words) > 0 && collections[words[len(words)-1]]
}

// isWord reports whether a name is one that people give to a member, and no
// value such as an id.
func isWord(name string) bool {
	digits := 0
	for i, r := range name {
		switch {
		case unicode.IsLetter(r) || r == '_' && len(name) > 1:
		case unicode.IsDigit(r) && i > 0:
			digits++
		case (r == '-' || r == ' ' || r == '.' || r == ':') && i > 0:
		default:
			return false
		}
	}
	return name != "" && digits <= 2
}
