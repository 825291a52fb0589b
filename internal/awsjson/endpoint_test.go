package awsjson

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// settings are what the SDK found of endpoints.
type settings struct {
	own             string
	fips, dualStack bool
}

func (s settings) GetServiceBaseEndpoint(_ context.Context, service string) (string, bool, error) {
	return s.own, s.own != "" && service == "Secrets Manager", nil
}

func (s settings) GetUseFIPSEndpoint(context.Context) (aws.FIPSEndpointState, bool, error) {
	return aws.FIPSEndpointStateEnabled, s.fips, nil
}

func (s settings) GetUseDualStackEndpoint(context.Context) (aws.DualStackEndpointState, bool, error) {
	return aws.DualStackEndpointStateEnabled, s.dualStack, nil
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
	} {
		config := aws.Config{ConfigSources: []any{c.settings}}
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
