// SPDX-License-Identifier: EUPL-1.2

package mutants

// mutant is the program with one promise broken.
type mutant struct {
	name  string
	edits []edit
	// folder is the package of the test that catches the mutant.
	folder, test string
}

// edit replaces text that is in a file exactly once.
type edit struct{ file, old, replacement string }

// the folders of the tests.
const (
	inStore    = "store"
	inEmbedded = "embedded_test"
)

// mutants are the promises that are broken, one at a time.
var mutants = []mutant{
	// Writes.
	{
		name: "AcknowledgesBeforeTheFsync", folder: inEmbedded, test: "TestDurability_PowerLoss_Ugly",
		edits: []edit{{
			"store/internal/engine/commit.go",
			"\tdefault:\n\t\treturn committer.disk.Transaction(function)",
			"\tdefault:\n\t\treturn committer.disk.Unsynced(function)",
		}},
	},
	{
		name: "AcknowledgesWhatTheDiskRefuses", folder: inEmbedded, test: "TestFullDisk_Set_Ugly",
		edits: []edit{{
			"store/internal/engine/commit.go",
			"\tfailAll(sealed.writes, err)\n",
			"",
		}},
	},
	{
		name: "GoesOnAfterAFailedFsync", folder: inEmbedded, test: "TestDurability_FailingSync_Ugly",
		edits: []edit{{
			"store/internal/disk/fault.go",
			"func (fault *Fault) Stopped() error {\n",
			"func (fault *Fault) Stopped() error {\n\tif fault != nil {\n\t\treturn nil\n\t}\n",
		}},
	},
	{
		name: "SkipsTheGuardOfARevision", folder: inEmbedded, test: "TestRevisions_Race_Ugly",
		edits: []edit{{
			"store/internal/commands/command.go",
			"if expected == nil || *expected == current.Revision {",
			"if expected == nil || *expected > 0 {",
		}},
	},
	{
		name: "SkipsAGuardOfATransaction", folder: inEmbedded, test: "TestTransaction_Guards_Ugly",
		edits: []edit{{
			"store/internal/commands/transaction.go",
			"\t\tif !holds {\n",
			"\t\tif !holds && index > 0 {\n",
		}},
	},
	{
		name: "LeavesOutWhatFailsInATransaction", folder: inEmbedded, test: "TestTransaction_Failure_Bad",
		edits: []edit{{
			"store/internal/commands/transaction.go",
			"\t\t\treturn nil, &failure.TransactionError{List: list, Index: index, Err: err}\n",
			"\t\t\t_ = list\n",
		}},
	},
	{
		name: "ForgetsAnswers", folder: inEmbedded, test: "TestMessageID_Kill_Ugly",
		edits: []edit{{
			"store/internal/batch/answers.go",
			"func (batch *Batch) AddAnswer(given *Answer) { answersIn.In(batch).add(given) }",
			"func (batch *Batch) AddAnswer(*Answer) {}",
		}},
	},
	{
		name: "RemembersAnswersInMemoryOnly", folder: inEmbedded, test: "TestMessageID_Kill_Ugly",
		edits: []edit{{
			"store/internal/batch/answers.go",
			"func (retries *Answers) Save(transaction *sqlite.Transaction, batch *Batch) {\n",
			"func (retries *Answers) Save(transaction *sqlite.Transaction, batch *Batch) {\n\tif transaction != nil {\n\t\treturn\n\t}\n",
		}},
	},

	// Changes.
	{
		name: "PublishesBeforeTheCommit", folder: inEmbedded, test: "TestFullDisk_Set_Ugly",
		edits: []edit{
			{
				"store/internal/engine/commit.go",
				"\tvar slices []*state.Slice\n",
				"\tif next.Changes.Count > 0 {\n\t\tcommitter.engine.followers.Announce(changelog.NewCommit(next.End, batch.Timestamp(), batch.Events()), batch.Oldest)\n\t}\n\tvar slices []*state.Slice\n",
			},
			{
				"store/internal/engine/commit.go",
				"\tcommitter.engine.followers.Announce(commit, batch.Oldest)\n}",
				"}",
			},
		},
	},
	{
		name: "ForgetsTheWatermark", folder: inEmbedded, test: "TestKill_Sidecar_Ugly",
		edits: []edit{{
			"store/internal/watermarks/table.go",
			"func (table *Table) Load() error {\n",
			"func (table *Table) Load() error {\n\tif table != nil {\n\t\treturn nil\n\t}\n",
		}},
	},
	{
		name: "AcknowledgesEventsThatTheBrokerLacks", folder: inEmbedded, test: "TestBroker_Cut_Ugly",
		edits: []edit{{
			"handler/publisher.go",
			"\tif err := publisher.flush(); err != nil {\n\t\treturn err\n\t}\n\t// The client",
			"\tpublisher.consumer.Acknowledge()\n\tif err := publisher.flush(); err != nil {\n\t\treturn err\n\t}\n\t// The client",
		}},
	},
	{
		name: "DropsTheIdOfAnEvent", folder: inEmbedded, test: "TestEvents_Publish_Good",
		edits: []edit{{
			"handler/publisher.go",
			"\tpublisher.setHeader(subjects.HeaderMessageID, string(publisher.id))\n",
			"",
		}},
	},
	{
		name: "TakesTheOldestChangesWhoeverHasThem", folder: inEmbedded, test: "TestChanges_Fair_Good",
		edits: []edit{{
			"store/internal/sqlitelog/cut.go",
			"\t\tlargest = held\n\t\treturn false\n",
			"\t\tif largest == nil || held.commit < largest.commit {\n\t\t\tlargest = held\n\t\t}\n\t\treturn true\n",
		}},
	},
	{
		name: "BreaksTheChainOfRecords", folder: inStore, test: "TestRecords_Follow_Good",
		edits: []edit{{
			"store/internal/engine/commit.go",
			"ID: next.Place.ID + 1, CommittedAt: committedAt, Previous: next.Place.Hash,",
			"ID: next.Place.ID + 1, CommittedAt: committedAt, Previous: next.Place.Hash + 1,",
		}},
	},

	// Tenants.
	{
		name: "IgnoresAQuota", folder: inEmbedded, test: "TestQuota_MaxKeys_Bad",
		edits: []edit{{
			"store/internal/batch/quotas.go",
			"case quota.MaxKeys > 0 && created &&",
			"case quota.MaxKeys < 0 && created &&",
		}},
	},
	{
		name: "ServesAnyReplySubject", folder: inEmbedded, test: "TestReplySubject_Attack_Bad",
		edits: []edit{{
			"handler/request.go",
			"\terr := request.service.space.CheckReply(request.subject, request.reply)\n",
			"\tvar err error\n",
		}},
	},
	{
		name: "LetsAQueryDoAnything", folder: inEmbedded, test: "TestWorkspaces_Sandbox_Bad",
		edits: []edit{{
			"store/internal/workspacefile/sandbox.go",
			"\tif allowed {\n",
			"\tif allowed = true; allowed {\n",
		}},
	},

	// Journal and workspaces.
	{
		name: "SettlesPointsBeforeTheyAreTaken", folder: inEmbedded, test: "TestJournal_Confirmations_Bad",
		edits: []edit{{
			"journal/sending.go",
			"\tcase refused, tooLarge:\n\tdefault:\n\t\treturn &failure{answer}\n\t}\n",
			"\tcase refused, tooLarge:\n\tdefault:\n\t\treturn sending.settle(from, to, nil)\n\t}\n",
		}},
	},
	{
		name: "EndsAWorkspaceTwice", folder: inEmbedded, test: "TestWorkspaces_Kill_Ugly",
		edits: []edit{{
			"store/internal/workspace/ending.go",
			"\tendRun(batch, command.runID)\n\treturn commands.Outcome{Revision:",
			"\treturn commands.Outcome{Revision:",
		}},
	},

	// The files.
	{
		name: "LooksAtNoMark", folder: inEmbedded, test: "TestMark_Serve_Bad",
		edits: []edit{{
			"store/mark.go",
			"\t\treason, err = behind(marked.mark, storeID, end)\n",
			"",
		}},
	},
	{
		name: "LeavesTheNewestCommitsUnsynced", folder: inEmbedded, test: "TestDurability_PowerLoss_Ugly",
		edits: []edit{{
			"store/internal/logfile/file.go",
			"\t\terr = platform.SyncData(file.file)\n",
			"\t\t_ = platform.SyncData\n",
		}},
	},
	{
		name: "LeavesAGapInTheNewestCommits", folder: inStore, test: "TestNewest_NewConfigured_Good",
		edits: []edit{{
			"store/internal/engine/newest.go",
			"\t\treturn batch.WaitsAlways // so that the file can begin again\n",
			"\t\treturn batch.WaitsNot\n",
		}},
	},
	{
		name: "LeavesAFolderUnsynced", folder: inEmbedded, test: "TestDurability_PowerLoss_Ugly",
		edits: []edit{{
			"internal/platform/folder.go",
			"\treturn SyncFolder(parent)\n",
			"\treturn nil\n",
		}},
	},
	{
		name: "ServesDamagedEntries", folder: inEmbedded, test: "TestDamage_Entry_Bad",
		edits: []edit{{
			"store/internal/state/view.go",
			"damaged = !row.Null(5) && ",
			"damaged = row.Null(5) && ",
		}},
	},
	{
		name: "AnswersAfterAPauseWithoutALook", folder: inEmbedded, test: "TestPause_Stop_Ugly",
		edits: []edit{{
			"handler/passage.go",
			"return known != nil && known.dials == passage.dials.Load() && known.age(now) < maxSilence",
			"return known != nil",
		}},
	},
	{
		name: "SharesTheDatabase", folder: inEmbedded, test: "TestOwnership_Serve_Bad",
		edits: []edit{{
			"store/internal/sqlite/lock.go",
			"\terr = lock.takeFile(os.O_CREATE, true)\n",
			"\terr = lock.takeFile(os.O_CREATE, false)\n",
		}},
	},
}
