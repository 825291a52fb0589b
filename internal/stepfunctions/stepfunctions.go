// Package stepfunctions starts executions of state machines of AWS Step Functions.
package stepfunctions

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"sluice/internal/awsjson"
)

var service = awsjson.Service{ID: "SFN", Host: "states", Target: "AWSStepFunctions", JSON: "1.0"}

// Start starts an execution of the state machine with this ARN. Of one name there is only
// one execution in 90 days: if it was started before, with whatever end, that is no error.
// It waits as patience.Bound says; 0 is the default.
// https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
func Start(ctx context.Context, c aws.Config, machine, name, input string, timeout time.Duration) error {
	client, err := service.Of(machine, c, timeout)
	if err == nil {
		_, err = client.Call(ctx, "StartExecution", struct {
			Machine string `json:"stateMachineArn"`
			Name    string `json:"name"`
			Input   string `json:"input"`
		}{machine, name, input})
	}
	var refused interface{ ErrorCode() string }
	if errors.As(err, &refused) && refused.ErrorCode() == "ExecutionAlreadyExists" {
		return nil
	}
	if err != nil {
		return fmt.Errorf("start an execution of %s: %w", machine, err)
	}
	return nil
}

// IsMachine reports whether a text is the ARN of a state machine, by its form.
func IsMachine(arn string) bool {
	p := strings.Split(arn, ":")
	return len(p) == 7 && p[0] == "arn" && strings.HasPrefix(p[1], "aws") && p[2] == "states" && p[3] != "" && p[4] != "" && p[5] == "stateMachine" && p[6] != ""
}
