package deploy_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"sluice/mapping"
)

// reach: what the roles may list and change, by example, and what they may not.
func reach(s *stack) []string {
	var p problems
	if catalogOf(s) == "glue" {
		database := "arn:aws:glue:" + region + ":" + account + ":table/" + s.params["DatabaseName"] + "/"
		own := strings.Replace(s.params["Tables"], "*", "orders", 1)
		for _, action := range ofCatalog["glue"] {
			p.want(mayOn(s, "FunctionRole", action, database+own), "the function may not %s on table %s", action, own)
			for _, other := range []string{"sluice_ledger", "customers", own[1:], "x" + own} {
				p.want(!mayOn(s, "FunctionRole", action, database+other), "the function may %s on table %s", action, other)
			}
			p.want(!mayOn(s, "FunctionRole", action, strings.Replace(database, "/"+s.params["DatabaseName"]+"/", "/other/", 1)+own),
				"the function may %s on another database", action)
		}
	}
	sink := s.params["SinkPrefix"]
	files := "arn:aws:s3:::" + s.params["BucketName"] + "/"
	p.want(mayOn(s, "FunctionRole", "s3:DeleteObject", files+sink+"order_lines/data/x.parquet") == (s.params["TableFormat"] != ""), "data files of tables may be removed without tables, or may not with them")
	ledger := s.params["LedgerPrefix"]
	for _, key := range []string{
		sink + "order_lines/metadata/v2.metadata.json", sink + "order_lines/clock-x", ledger + "uuid/root-x.json.gz", ledger + "uuid/run-x.parquet", ledger + "uuid/clock-x",
	} {
		p.want(mayOn(s, "FunctionRole", "s3:DeleteObject", files+key) == maintains(s), "%s may be removed without maintenance, or may not with it", key)
	}
	p.want(mayOn(s, "FunctionRole", "s3:DeleteObject", files+ledger+"split/id/name/plan.json") == (maintains(s) || splits(s)), "plans of splits may be removed without a need, or may not")
	for _, key := range []string{sink + "x.parquet", ledger + "_owner.json", s.params["LedgerPrefix"] + "x", s.params["SourcePrefix"] + "x", s.params["QuarantinePrefix"] + "x"} {
		p.want(!mayOn(s, "FunctionRole", "s3:DeleteObject", files+key), "the function may remove %s", key)
	}
	part := s.params["QuarantinePrefix"] + "0c23/1f.split-0c23-part-00000-1f.ndjson"
	for _, action := range []string{"s3:GetObject", "s3:DeleteObject"} {
		p.want(mayOn(s, "FunctionRole", action, files+part) == splits(s), "%s of what a part has quarantined is wrong", action)
		p.want(!mayOn(s, "FunctionRole", action, files+s.params["QuarantinePrefix"]+"0c23/1f.records.ndjson"), "the function may %s quarantined records", action)
	}
	lists := map[string][]string{"FunctionRole": {s.params["SourcePrefix"], sink, s.params["LedgerPrefix"]}}
	if splits(s) {
		lists["FunctionRole"] = append(lists["FunctionRole"], s.params["QuarantinePrefix"])
	}
	if catalogOf(s) == "crawler" && s.params["CreateCrawler"] == "true" {
		lists["CrawlerRole"] = []string{sink, sink + "order_lines/", strings.TrimSuffix(sink, "/")}
	}
	for role, prefixes := range lists {
		for _, prefix := range prefixes {
			p.want(mayList(s, role, prefix), "%s may not list %s", role, prefix)
		}
		for _, folder := range []string{"SourcePrefix", "LedgerPrefix", "QuarantinePrefix", "WorkPrefix"} {
			if prefix := s.params[folder]; !slices.Contains(prefixes, prefix) {
				p.want(!mayList(s, role, prefix), "%s may list %s", role, prefix)
			}
		}
		for _, prefix := range []string{"", "o", "others/"} {
			p.want(!mayList(s, role, prefix), "%s may list the prefix %q", role, prefix)
		}
	}
	return p
}

// mayOn reports whether a statement of the role allows an action on a resource.
func mayOn(s *stack, role, action, resource string) bool {
	return slices.ContainsFunc(statementsOf(s, role), func(st any) bool {
		return slices.Contains(many(at(st, "Action")), action) && like(many(at(st, "Resource")), resource)
	})
}

// mayList reports whether the role may list a prefix of the bucket. A statement
// without a condition on it allows all.
func mayList(s *stack, role, prefix string) bool {
	return slices.ContainsFunc(statementsOf(s, role), func(st any) bool {
		if !slices.Contains(many(at(st, "Action")), "s3:ListBucket") {
			return false
		}
		of := at(st, "Condition", "StringLikeIfExists", "s3:prefix")
		return of == nil || like(many(of), prefix)
	})
}

// like is StringLike of IAM, for patterns without "?":
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
func like(patterns []string, text string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		expression := strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*")
		return regexp.MustCompile("^" + expression + "$").MatchString(text)
	})
}

// The default of Tables is the table of the default mapping.
func TestTablesOfDefaultMapping(t *testing.T) {
	s, err := newStack(translated(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := mapping.Preset(s.params["MappingFile"])
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Tables) != 1 || m.Tables[0].Name != s.params["Tables"] {
		t.Errorf("the mapping %s makes %+v, the function may make %s", s.params["MappingFile"], m.Tables, s.params["Tables"])
	}
}
