package awsjson

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// settings are what the SDK found of endpoints.
type settings struct {
	own                     string
	fips, dualStack, ignore bool
}

func (s settings) GetServiceBaseEndpoint(_ context.Context, service string) (string, bool, error) {
	return s.own, s.own != "" && service == "Secrets Manager", nil
}

func (s settings) GetIgnoreConfiguredEndpoints(context.Context) (bool, bool, error) {
	return true, s.ignore, nil
}

func (s settings) GetUseFIPSEndpoint(context.Context) (aws.FIPSEndpointState, bool, error) {
	return aws.FIPSEndpointStateEnabled, s.fips, nil
}

func (s settings) GetUseDualStackEndpoint(context.Context) (aws.DualStackEndpointState, bool, error) {
	return aws.DualStackEndpointStateEnabled, s.dualStack, nil
}

// off is a source that says no to all, such as a file beside the environment.
type off struct{}

func (off) GetIgnoreConfiguredEndpoints(context.Context) (bool, bool, error) { return false, true, nil }

func (off) GetUseFIPSEndpoint(context.Context) (aws.FIPSEndpointState, bool, error) {
	return aws.FIPSEndpointStateDisabled, true, nil
}

func (off) GetUseDualStackEndpoint(context.Context) (aws.DualStackEndpointState, bool, error) {
	return aws.DualStackEndpointStateDisabled, true, nil
}

func TestEndpoint(t *testing.T) {
	for _, c := range []struct {
		partition, region, base string
		settings
		want string // or a part of the error
	}{
		{"aws", "eu-west-3", "", settings{}, "https://secretsmanager.eu-west-3.amazonaws.com"},
		{"aws", "eu-west-3", "", settings{fips: true}, "https://secretsmanager-fips.eu-west-3.amazonaws.com"},
		{"aws", "eu-west-3", "", settings{dualStack: true}, "https://secretsmanager.eu-west-3.api.aws"},
		{"aws-cn", "cn-north-1", "", settings{}, "https://secretsmanager.cn-north-1.amazonaws.com.cn"},
		{"aws-new", "x-1", "", settings{}, "AWS_ENDPOINT_URL_SECRETS_MANAGER"},
		{"aws-new", "x-1", "", settings{own: "http://own"}, "http://own"},
		{"aws", "eu-west-3", "http://base", settings{}, "http://base"},
		{"aws", "eu-west-3", "http://base", settings{own: "http://own"}, "http://own"},
		{"aws", "eu-west-3", "", settings{own: "http://own", ignore: true}, "https://secretsmanager.eu-west-3.amazonaws.com"},
		{"aws", "eu-west-3", "", settings{fips: true, dualStack: true}, "https://secretsmanager-fips.eu-west-3.api.aws"},
		{"aws-cn", "cn-north-1", "", settings{dualStack: true}, "https://secretsmanager.cn-north-1.api.amazonwebservices.com.cn"},
		{"aws", "", "", settings{}, "no region is set"},
		{"aws", "", "http://base", settings{}, "http://base"},
	} {
		// What a later source says does not count once one has said something.
		config := aws.Config{ConfigSources: []any{c.settings, off{}}}
		if c.base != "" {
			config.BaseEndpoint = &c.base
		}
		got, err := Service{ID: "Secrets Manager", Host: "secretsmanager"}.endpoint(t.Context(), config, c.partition, c.region)
		if err != nil {
			got = err.Error()
		}
		if got != c.want && (err == nil || !strings.Contains(got, c.want)) {
			t.Errorf("%s, %s, base %q, %+v: %s, want %s", c.partition, c.region, c.base, c.settings, got, c.want)
		}
	}
}

// AWS_ENDPOINT_URL comes before a file that names the service, and after the variable
// that does.
func TestEndpointOfEnvironment(t *testing.T) {
	base := "http://base"
	config := aws.Config{BaseEndpoint: &base, ConfigSources: []any{settings{own: "http://own"}}}
	t.Setenv("AWS_ENDPOINT_URL", base)
	for _, c := range []struct{ variable, want string }{{"", base}, {"http://own", "http://own"}} {
		t.Setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", c.variable)
		got, err := Service{ID: "Secrets Manager"}.endpoint(t.Context(), config, "aws", "eu-west-3")
		if got != c.want || err != nil {
			t.Errorf("with AWS_ENDPOINT_URL_SECRETS_MANAGER=%s: %s, %v, want %s", c.variable, got, err, c.want)
		}
	}
}

// The regions are those of the SDK's internal/endpoints/awsrulesfn/partitions.json.
func TestPartitionOf(t *testing.T) {
	for region, want := range map[string]string{
		"eu-west-3": "aws", "us-east-1": "aws", "xx-new-9": "aws", "us-gov-west-1": "aws-us-gov", "cn-northwest-1": "aws-cn", "eusc-de-east-1": "aws-eusc",
		"us-iso-west-1": "aws-iso", "us-isob-east-1": "aws-iso-b", "eu-isoe-west-1": "aws-iso-e", "us-isof-south-1": "aws-iso-f",
	} {
		if got := partitionOf(region); got != want {
			t.Errorf("%s is in %s, want %s", region, got, want)
		}
	}
}
