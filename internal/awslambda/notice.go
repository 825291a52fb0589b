package awslambda

import (
	"encoding/json"

	"sluice/internal/event"
)

// notice is an event that is not one of objects.
type notice int

const (
	none notice = iota
	crawlerEnded
	scheduled
	splitStep
	maintenance
)

// noticeOf recognises the steps of a split, and the events of EventBridge that Glue and schedules send:
// https://docs.aws.amazon.com/glue/latest/dg/automating-awsglue-with-cloudwatch-events.html,
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html.
// The schedule of maintenance sends an event of ours instead.
// It does not matter which crawler it was: FollowUp looks up what is left to do.
func noticeOf(raw json.RawMessage) notice {
	var e struct {
		Source     string `json:"source"`
		DetailType string `json:"detail-type"`
		Step       string `json:"sluice_split"`
	}
	if len(raw) > event.MaxBytes || json.Unmarshal(raw, &e) != nil {
		return none
	}
	switch {
	case e.Step != "":
		return splitStep
	case e.Source == "aws.glue" && e.DetailType == "Glue Crawler State Change":
		return crawlerEnded
	case (e.Source == "aws.events" || e.Source == "aws.scheduler") && e.DetailType == "Scheduled Event":
		return scheduled
	case e.Source == "sluice" && e.DetailType == "Table Maintenance": // the template's own
		return maintenance
	}
	return none
}
