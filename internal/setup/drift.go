package setup

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"sluice"
	"sluice/internal/eventbridge"
	"sluice/internal/ledger"
	"sluice/internal/pipeline"
)

// driftEvent is the detail of the event of a path that differs. Its names are a
// contract.
type driftEvent struct {
	Version int `json:"version"`
	sluice.DriftPath
	Bucket   string    `json:"bucket"`
	Key      string    `json:"key"`
	Mapping  string    `json:"mapping_sha256"`
	Since    time.Time `json:"since"`
	Ledger   string    `json:"ledger"`
	Software string    `json:"sluice_version"`
}

// announce sends an event for each path to the bus, or is nil if there is none: a
// local lake has no bus, and the ledger says the same.
func (s *Setup) announce() pipeline.Announce {
	bus := s.Config.EventBus
	if bus == "" || s.stores.lake != "" {
		return nil
	}
	at := s.Config.Ledger.String()
	return func(ctx context.Context, paths []ledger.DriftedPath) error {
		found, err := s.stores.find(ctx)
		if err != nil {
			return err
		}
		var details []string
		for _, p := range paths {
			detail, err := json.Marshal(driftEvent{1, p.DriftPath, p.Bucket, p.Key, p.Mapping, p.Since, at, sluice.Version()})
			if err != nil {
				return fmt.Errorf("write event: %w", err)
			}
			details = append(details, string(detail))
		}
		return eventbridge.PutEvents(ctx, found, bus, "sluice", "Sluice Drift", details, s.Config.S3.Timeout)
	}
}
