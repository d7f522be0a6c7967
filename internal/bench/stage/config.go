// SPDX-License-Identifier: EUPL-1.2

package stage

// Config says of which parts a stage consists, and what they hold.
type Config struct {
	// Keys is how many keys there are, each as likely as any other.
	Keys int
	// ValueBytes is the size of a value; some cases have values of 16 KiB besides.
	ValueBytes int
	// Connections is how many connections the load is spread over, the same for every
	// case.
	Connections int
	// LongKeys is how many keys the group has that is deleted, or expires, in the cases
	// of long work.
	LongKeys int
	// Directory is where a folder is made for the files, and removed afterwards;
	// empty is the system's for temporary files.
	Directory string
	// Durability is what the sidecars are started with; empty is their default.
	Durability string
	// NATSURL is a broker to measure instead of one started for it; empty is none.
	NATSURL string
	// Journal is the endpoint that the case journal delivers points to; without its URL
	// that case is left out.
	Journal Journal
	// Program is the storebus that is started for the parts.
	Program string
}

// Journal is an endpoint that points are delivered to.
type Journal struct {
	// URL is the endpoint's; empty is none.
	URL          string
	Organisation string
	Bucket       string
	// TokenFile holds what authorises.
	TokenFile string
}

// arguments are the flags of serve.
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
