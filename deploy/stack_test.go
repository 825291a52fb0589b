package deploy_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// stack is the translated template with parameters put in: what CloudFormation
// would make. References between resources are "{Name}" and "{Name.Attribute}".
type stack struct {
	params     map[string]string
	conditions map[string]bool
	resources  map[string]resource
	outputs    map[string]any
}

type resource struct {
	kind       string
	properties map[string]any
}

// translated is the template as aws-sam-translator makes it; translate_test.go
// holds it against template.yaml.
func translated(t testing.TB) map[string]any {
	t.Helper()
	file, err := os.Open("testdata/translated.json")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	numbers := json.NewDecoder(file)
	numbers.UseNumber()
	var doc map[string]any
	if err := numbers.Decode(&doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

const account, region, stackName = "123456789012", "eu-central-1", "orders-stack"

// given are the parameters without a default.
var given = map[string]string{"BucketName": "orders-bucket"}

// newStack resolves the template with these parameters over the defaults.
func newStack(doc map[string]any, params map[string]string) (s *stack, err error) {
	s = &stack{params: map[string]string{}, conditions: map[string]bool{}, resources: map[string]resource{}}
	defer func() {
		if r := recover(); r != nil {
			s, err = nil, fmt.Errorf("the template cannot be resolved: %v", r)
		}
	}()
	for name, p := range object(doc["Parameters"]) {
		if v, ok := object(p)["Default"]; ok {
			s.params[name] = text(v)
		}
		if allowed := list(object(p)["AllowedValues"]); params[name] != "" && allowed != nil && !slices.ContainsFunc(allowed, func(v any) bool { return text(v) == params[name] }) {
			panic(fmt.Sprintf("%s may not be %q", name, params[name]))
		}
	}
	maps.Copy(s.params, given)
	for name, v := range params {
		if object(doc["Parameters"])[name] == nil {
			panic("no parameter " + name)
		}
		s.params[name] = v
	}
	r := resolver{s, doc}
	for name := range object(doc["Conditions"]) {
		s.conditions[name] = r.condition(name)
	}
	for name, res := range object(doc["Resources"]) {
		if c := text(object(res)["Condition"]); c == "" || r.condition(c) {
			s.resources[name] = resource{kind: text(object(res)["Type"])}
		}
	}
	for name, res := range s.resources {
		res.properties = object(r.value(object(object(doc["Resources"])[name])["Properties"]))
		s.resources[name] = res
	}
	s.outputs = map[string]any{}
	for name, o := range object(doc["Outputs"]) {
		if c := text(object(o)["Condition"]); c == "" || r.condition(c) {
			s.outputs[name] = r.value(object(o)["Value"])
		}
	}
	return s, nil
}

// resolver computes the intrinsic functions that the template uses:
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html.
// It panics at whatever CloudFormation would refuse.
type resolver struct {
	s   *stack
	doc map[string]any
}

type noValue struct{}

func (r resolver) condition(name string) bool {
	c, ok := object(r.doc["Conditions"])[name]
	if !ok {
		panic("no condition " + name)
	}
	return r.truth(c)
}

func (r resolver) truth(v any) bool {
	for name, args := range object(v) {
		switch name {
		case "Condition":
			return r.condition(text(args))
		case "Fn::Equals":
			return text(r.value(list(args)[0])) == text(r.value(list(args)[1]))
		case "Fn::Not":
			return !r.truth(list(args)[0])
		case "Fn::And":
			return !slices.ContainsFunc(list(args), func(v any) bool { return !r.truth(v) })
		case "Fn::Or":
			return slices.ContainsFunc(list(args), r.truth)
		}
	}
	panic(fmt.Sprintf("no condition: %v", v))
}

func (r resolver) value(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 1 {
			for name, args := range v {
				if out, ok := r.function(name, args); ok {
					return out
				}
			}
		}
		out := map[string]any{}
		for name, member := range v {
			if got := r.value(member); got != any(noValue{}) {
				out[name] = got
			}
		}
		return out
	case []any:
		out := []any{}
		for _, element := range v {
			if got := r.value(element); got != any(noValue{}) {
				out = append(out, got)
			}
		}
		return out
	}
	return v
}

func (r resolver) function(name string, args any) (any, bool) {
	switch name {
	case "Ref":
		return r.ref(text(args)), true
	case "Fn::GetAtt":
		return r.attribute(text(list(args)[0]), text(list(args)[1])), true
	case "Fn::Sub":
		return r.sub(args), true
	case "Fn::If":
		a := list(args)
		if r.condition(text(a[0])) {
			return r.value(a[1]), true
		}
		return r.value(a[2]), true
	case "Fn::Split":
		a := list(args)
		parts := []any{}
		for _, part := range strings.Split(text(r.value(a[1])), text(a[0])) {
			parts = append(parts, part)
		}
		return parts, true
	case "Fn::Select":
		a := list(args)
		return at(r.value(a[1]), int(number(a[0]))), true
	case "Fn::FindInMap":
		a := list(args)
		row, ok := object(object(r.doc["Mappings"])[text(a[0])])[text(r.value(a[1]))]
		if !ok {
			panic(fmt.Sprintf("mapping %s has no %v", a[0], r.value(a[1])))
		}
		return object(row)[text(a[2])], true
	}
	if strings.HasPrefix(name, "Fn::") {
		panic("the tests do not know " + name)
	}
	return nil, false
}

func (r resolver) ref(name string) any {
	pseudo := map[string]any{
		"AWS::AccountId": account, "AWS::Region": region, "AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com",
		"AWS::StackName": stackName, "AWS::NoValue": noValue{},
	}
	if v, ok := pseudo[name]; ok {
		return v
	}
	if v, ok := r.s.params[name]; ok {
		return v
	}
	r.exists(name)
	return "{" + name + "}"
}

func (r resolver) attribute(name, attribute string) string {
	r.exists(name)
	return "{" + name + "." + attribute + "}"
}

func (r resolver) exists(name string) {
	if _, ok := r.s.resources[name]; !ok {
		panic("a reference to " + name + ", which is not made")
	}
}

var placeholder = regexp.MustCompile(`\$\{([^}]+)\}`)

func (r resolver) sub(args any) string {
	format, own := "", map[string]any{}
	if a := list(args); a != nil {
		format, own = text(a[0]), object(a[1])
	} else {
		format = text(args)
	}
	return placeholder.ReplaceAllStringFunc(format, func(m string) string {
		name := m[2 : len(m)-1]
		if v, ok := own[name]; ok {
			return text(r.value(v))
		}
		if res, attribute, ok := strings.Cut(name, "."); ok {
			return r.attribute(res, attribute)
		}
		return text(r.ref(name))
	})
}

func object(v any) map[string]any { m, _ := v.(map[string]any); return m }

func list(v any) []any { l, _ := v.([]any); return l }

// many is a list, also where a single value stands for one.
func many(v any) []string {
	if l := list(v); l != nil {
		out := []string{}
		for _, e := range l {
			out = append(out, text(e))
		}
		return out
	}
	if v == nil {
		return nil
	}
	return []string{text(v)}
}

func text(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// at follows a path of member names and list indices.
func at(v any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			v = object(v)[step]
		case int:
			l := list(v)
			if step >= len(l) {
				return nil
			}
			v = l[step]
		}
	}
	return v
}

// get is a property of a resource.
func (s *stack) get(name string, path ...any) any { return at(s.resources[name].properties, path...) }

// of are the names of the resources of a type, in order.
func (s *stack) of(kind string) []string {
	var names []string
	for name, r := range s.resources {
		if r.kind == kind {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
