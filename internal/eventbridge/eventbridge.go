// Package eventbridge sends events to a bus of Amazon EventBridge.
package eventbridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"sluice/internal/awsjson"
)

var service = awsjson.Service{ID: "EventBridge", Host: "events", Target: "AWSEvents"}

// atOnce is how many events a call takes.
const atOnce = 10

type entry struct {
	Source       string
	DetailType   string
	Detail       string
	EventBusName string
}

// PutEvents sends an event for each detail to the bus with this ARN. It waits as
// patience.Bound says; 0 is the default. After an error, some may have been sent.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
func PutEvents(ctx context.Context, c aws.Config, bus, source, detailType string, details []string, timeout time.Duration) error {
	client, err := open(c, bus, timeout)
	if err != nil {
		return fmt.Errorf("send events to %s: %w", bus, err)
	}
	for some := range slices.Chunk(details, atOnce) {
		var input struct{ Entries []entry }
		for _, d := range some {
			input.Entries = append(input.Entries, entry{source, detailType, d, bus})
		}
		if err := put(ctx, client, input); err != nil {
			return fmt.Errorf("send %d events to %s: %w", len(some), bus, err)
		}
	}
	return nil
}

func open(c aws.Config, bus string, timeout time.Duration) (*awsjson.Client, error) {
	if strings.Count(bus, ":") != 5 {
		return nil, errors.New("it is not the ARN of an event bus")
	}
	return service.Of(bus, c, timeout)
}

func put(ctx context.Context, client *awsjson.Client, input any) error {
	body, err := client.Call(ctx, "PutEvents", input)
	if err != nil {
		return err
	}
	var answer struct {
		FailedEntryCount int
		Entries          []struct{ ErrorCode string }
	}
	if json.Unmarshal(body, &answer) != nil {
		return errors.New("the answer is not JSON of events")
	}
	for _, e := range answer.Entries {
		if e.ErrorCode != "" {
			return fmt.Errorf("%d were refused: %s", answer.FailedEntryCount, e.ErrorCode)
		}
	}
	return nil
}
