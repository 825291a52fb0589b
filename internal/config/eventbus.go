package config

import "strings"

// eventBus reads the ARN of the bus that is told of new drift.
func (r *reader) eventBus() string {
	const key = "event_bus"
	bus := r.text(key, "")
	if bus != "" && !isEventBus(bus) {
		r.fail(key, "%s is not the ARN of an event bus; write it as arn:aws:events:eu-central-1:123456789012:event-bus/default", key)
	}
	return bus
}

// isEventBus reports whether a text is the ARN of an event bus, by its form.
func isEventBus(arn string) bool {
	p := strings.Split(arn, ":")
	return len(p) == 6 && p[0] == "arn" && strings.HasPrefix(p[1], "aws") && p[2] == "events" && isRegion(p[3]) && p[4] != "" && strings.HasPrefix(p[5], "event-bus/")
}
