package awsjson

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// partitions are those of AWS: how the names of their regions begin, and where their
// services are. With IPv6 they are elsewhere.
// https://docs.aws.amazon.com/general/latest/gr/rande.html
var partitions = map[string]struct{ regions, domain, dualStack string }{
	"aws":        {"", "amazonaws.com", "api.aws"}, // all other regions
	"aws-us-gov": {"us-gov-", "amazonaws.com", "api.aws"},
	"aws-cn":     {"cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"},
	"aws-eusc":   {"eusc-", "amazonaws.eu", "api.amazonwebservices.eu"},
	"aws-iso":    {"us-iso-", "c2s.ic.gov", "api.aws.ic.gov"},
	"aws-iso-b":  {"us-isob-", "sc2s.sgov.gov", "api.aws.scloud"},
	"aws-iso-e":  {"eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"},
	"aws-iso-f":  {"us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"},
}

func partitionOf(region string) string {
	for name, p := range partitions {
		if p.regions != "" && strings.HasPrefix(region, p.regions) {
			return name
		}
	}
	return "aws"
}

// What a source of settings of the SDK may have to say of endpoints.
type (
	ofIgnore interface {
		GetIgnoreConfiguredEndpoints(context.Context) (bool, bool, error)
	}
	ofService interface {
		GetServiceBaseEndpoint(context.Context, string) (string, bool, error)
	}
	ofFIPS interface {
		GetUseFIPSEndpoint(context.Context) (aws.FIPSEndpointState, bool, error)
	}
	ofDualStack interface {
		GetUseDualStackEndpoint(context.Context) (aws.DualStackEndpointState, bool, error)
	}
)

// find is what the first source that has a setting says; else its zero value.
func find[Source, T any](c aws.Config, get func(Source) (T, bool, error)) (T, bool, error) {
	for _, source := range c.ConfigSources {
		if s, ok := source.(Source); ok {
			if value, found, err := get(s); found || err != nil {
				return value, found, err
			}
		}
	}
	var none T
	return none, false, nil
}

// endpoint is the URL of the service. What the settings of the SDK say comes first,
// as for its clients: that of this service, then that of all. The order is that of
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
func (s Service) endpoint(ctx context.Context, c aws.Config, partition, region string) (string, error) {
	own := "AWS_ENDPOINT_URL_" + strings.ToUpper(strings.ReplaceAll(s.ID, " ", "_"))
	ignore, _, err := find(c, func(from ofIgnore) (bool, bool, error) { return from.GetIgnoreConfiguredEndpoints(ctx) })
	if err != nil {
		return "", err
	}
	// The environment comes before files, also where these name the service.
	if all := os.Getenv("AWS_ENDPOINT_URL") != "" && os.Getenv(own) == ""; !ignore && !all {
		url, found, err := find(c, func(from ofService) (string, bool, error) { return from.GetServiceBaseEndpoint(ctx, s.ID) })
		if found || err != nil {
			return url, err
		}
	}
	if c.BaseEndpoint != nil {
		return *c.BaseEndpoint, nil
	}
	if region == "" {
		return "", errors.New("no region is set; name it in AWS_REGION")
	}
	host, domain := s.Host, partitions[partition].domain
	fips, _, err := find(c, func(from ofFIPS) (aws.FIPSEndpointState, bool, error) { return from.GetUseFIPSEndpoint(ctx) })
	if err != nil {
		return "", err
	}
	if fips == aws.FIPSEndpointStateEnabled {
		host += "-fips"
	}
	dualStack, _, err := find(c, func(from ofDualStack) (aws.DualStackEndpointState, bool, error) {
		return from.GetUseDualStackEndpoint(ctx)
	})
	if err != nil {
		return "", err
	}
	if dualStack == aws.DualStackEndpointStateEnabled {
		domain = partitions[partition].dualStack
	}
	if domain == "" {
		return "", fmt.Errorf("the domain of the partition %s is not known; name the endpoint in %s", partition, own)
	}
	return "https://" + host + "." + region + "." + domain, nil
}
