package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sluice/internal/catalog"
	"sluice/internal/catalog/gluecrawler"
	"sluice/internal/pipeline"
)

// looker is a catalog that stores the tables itself: Glue, or the files of a lake.
type looker interface {
	Look(context.Context, catalog.Table) (catalog.Change, error)
}

func (d *doctor) catalog(ctx context.Context) []Check {
	if t, shared := d.s.Target.(*pipeline.Tables); shared {
		return d.tables(ctx, t)
	}
	switch c := d.s.Catalog.(type) {
	case *gluecrawler.Crawler:
		return []Check{d.crawler(ctx, c)}
	case looker:
		var checks []Check
		for _, t := range d.s.Tables {
			checks = append(checks, table(ctx, c, t))
		}
		return checks
	}
	return []Check{notChecked("catalog", "catalog.kind is none")}
}

// table compares a table of the catalog with the mapping.
func table(ctx context.Context, c looker, t catalog.Table) Check {
	const name = "catalog"
	change, err := c.Look(ctx, t)
	var refused *catalog.RefusedError
	switch {
	case errors.As(err, &refused):
		return Check{Name: name, Status: Failed, Detail: err.Error(), Hint: "change the table or the mapping, see docs/catalog.md; until then queries may fail or lack columns"}
	case err != nil:
		return unseen(name, fmt.Errorf("look at table %s: %w", t.Name(), err), "glue:GetTable")
	case change == catalog.Created:
		return ok(name, "table %s does not exist yet; the next commit creates it", t.Name())
	case change == catalog.Updated:
		return ok(name, "table %s lacks columns of the mapping; the next commit adds them", t.Name())
	}
	return ok(name, "table %s has the columns of the mapping", t.Name())
}

func (d *doctor) crawler(ctx context.Context, c *gluecrawler.Crawler) Check {
	const name = "crawler"
	got, err := c.Describe(ctx)
	if catalog.ReasonOf(err) == catalog.NotFound {
		return Check{Name: name, Status: Failed, Detail: err.Error(), Hint: "create the crawler over " + d.s.Config.Sink.String() + ", name another with catalog.crawler, or use catalog.kind glue, which needs none"}
	}
	if err != nil {
		return unseen(name, err, "glue:GetCrawler")
	}
	sink := d.s.Config.Sink.String()
	covers := func(target string) bool { return strings.HasPrefix(sink, strings.TrimSuffix(target, "/")+"/") }
	schedule := "no schedule, as sluice starts it"
	if got.Schedule != "" {
		schedule = "schedule " + got.Schedule
	}
	switch {
	case !slices.ContainsFunc(got.Targets, covers):
		return Check{Name: name, Status: Failed, Detail: fmt.Sprintf("%s does not look at %s", got.Name, sink), Hint: "add the sink to its S3 targets"}
	case got.NewFoldersOnly:
		return Check{Name: name, Status: Failed, Detail: got.Name + " only looks at new folders", Hint: "set its recrawl policy to CRAWL_EVERYTHING"}
	case got.LastCrawl == "FAILED":
		return warn(name, "look at the log of the crawler, fix it and start it", "%s: the last crawl failed: %s", got.Name, got.LastError)
	case got.Dirty && got.State == "READY":
		return warn(name, "the next commit or scheduled follow-up starts it; give the function a schedule", "%s is not running, and it may not have seen all files", got.Name)
	}
	return ok(name, "%s is %s, %s", got.Name, strings.ToLower(got.State), schedule)
}
