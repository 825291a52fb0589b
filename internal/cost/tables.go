package cost

import "math"

// What table mode asks for: batches whose objects share a data file and a snapshot.
// tables_test.go counts the requests on their way to a bucket.

// Files of the ledger and of the table's metadata, as internal/runs and internal/tables
// merge them.
const (
	runsOfLevel    = 8        // of the ledger, that the next batch merges into one
	mergedManifest = 64       // of a table, that the next batch merges into one
	runMost        = 64 << 20 // bytes of a run that is not merged any more
	entryBytes     = 45       // of a key in a run
	scannedBytes   = 1 << 18  // that a scan of many runs reads of one at once
)

// The settings of the queue that table mode wants.
const (
	tableBatch       = 6000 // of 10,000 messages: so many events of S3 fit into the 6 MB of an invocation
	tableWindow      = 60   // seconds that a batch is waited for
	tableConcurrency = 8    // batches at once: commits exclude one another
	tableMetrics     = 2    // besides the others, as the alarms: of snapshots and of conflicts
	tableAlarms      = 3
)

// commitRequests are those of the batch with a number from 0, besides the sources and
// the data file: head and ledger are loaded, the runs of the ledger are read that may
// have one of the keys, and a run, a root, two files of the snapshot, the metadata and
// its hint are written. Keys that grow with time are in the newest runs only: this is
// the most.
func commitRequests(batch int) requests {
	r := requests{get: 6, put: 6}
	for left := batch; left > 0; left /= runsOfLevel {
		r.get += float64(left % runsOfLevel)
	}
	for n := batch + 1; n%runsOfLevel == 0; n /= runsOfLevel { // merges a level of runs
		r = r.plus(requests{get: runsOfLevel, put: 1})
	}
	if (batch+1)%mergedManifest == 0 {
		r = r.plus(requests{get: mergedManifest, put: 1})
	}
	return r
}

// meanCommit are the mean requests of a commit, after batches whose runs have so many
// levels.
func meanCommit(levels float64) requests {
	r := requests{get: 6 + levels*(runsOfLevel-1)/2 + 1, put: 6 + 1.0/mergedManifest}
	for share := 1.0 / runsOfLevel; levels >= 1; levels, share = levels-1, share/runsOfLevel {
		r = r.plus(requests{get: runsOfLevel, put: 1}.times(share))
	}
	return r
}

// levels of runs that a day's batches go through, until they are as large as runs get.
func (j Job) levels() float64 {
	most := math.Log(runMost/(entryBytes*j.batch())) / math.Log(runsOfLevel)
	all := math.Log(max(1, j.invocations()*max(j.Keep, 1))) / math.Log(runsOfLevel)
	return max(1, math.Floor(min(most, all)))
}

// batchRequests are those of an invocation.
func (j Job) batchRequests() requests {
	bytes := j.objectBytes()
	r := meanCommit(j.levels())
	r.get += j.batch() * sourceReads(bytes)
	r.put += outputWrites(j.batch() * bytes * j.Ratio)
	return r
}

// batchSeconds is how long an invocation takes: many objects are read side by side, and
// the calls of the commit wait for one another.
func (j Job) batchSeconds() float64 {
	n, bytes, commit := j.batch(), j.objectBytes(), meanCommit(j.levels())
	calls := commit.get + commit.put + outputWrites(n*bytes*j.Ratio) + math.Ceil(n/min(j.atOnce(), n))
	return n*bytes/bytesPerMB/min(j.MBPerSecond*j.vCPU(), j.NetworkMB) + calls*j.LatencySeconds
}

// verifyRequests are those of a scheduled run over settled objects: the source is
// listed, and the ledger read from end to end.
func (j Job) verifyRequests() requests {
	return requests{
		put: math.Ceil(j.known() / listPage),
		get: 6 + j.levels()*(runsOfLevel-1)/2 + math.Ceil(j.known()*entryBytes/scannedBytes),
	}
}

// Glue's table is read once for a batch or a scheduled run, and changed once by a commit.
const (
	glueLoads   = 1
	glueCommits = 1
)
