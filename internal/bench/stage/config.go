// SPDX-License-Identifier: EUPL-1.2

package stage

// Config describes the parts of a stage, and their contents.
type Config struct {
	// Keys is the number of keys, each equally likely.
	Keys int
	// ValueBytes is the size of a value in bytes. Some cases have values of 16 KiB besides.
	ValueBytes int
	// Connections is the number of connections for the load, the same for every case.
	Connections int
	// LongKeys is the number of keys in the group that long work deletes, or lets expire.
	LongKeys int
	// Directory is the folder in which a temporary folder for the files is made. If it is
	// empty, it is the system's folder for temporary files.
	Directory string
	// Durability is the durability of the sidecars. If it is empty, they have their
	// default.
	Durability string
	// NATSURL is a running broker to use. If it is empty, the stage starts one.
	NATSURL string
	// Journal is the endpoint of the case journal. If it has no URL, the case is left out.
	Journal Journal
	// Profile is a folder for CPU profiles of the sidecars. If it is empty, no sidecar can be
	// profiled.
	Profile string
	// Program is the path of the storebus that runs the parts.
	Program string
}

// Journal is an endpoint for the delivery of points.
type Journal struct {
	// URL is the address of the endpoint, "" if there is none.
	URL          string
	Organisation string
	Bucket       string
	// TokenFile is the path of a file with the endpoint's token.
	TokenFile string
}

// arguments returns the flags of serve for the endpoint.
func (journal *Journal) arguments() (arguments []string) {
	for _, flag := range [][2]string{
		{"--journal-url", journal.URL}, {"--journal-organisation", journal.Organisation},
		{"--journal-bucket", journal.Bucket}, {"--journal-token-file", journal.TokenFile},
	} {
		if flag[1] != "" {
			arguments = append(arguments, flag[0], flag[1])
		}
	}
	return arguments
}
