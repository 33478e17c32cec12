package mulligan

// Retry says whether a call that nobody answered is made again.
type Retry int

// What common.proto says of each of them.
const (
	RetryRead Retry = iota + 1
	RetryRequestID
	RetryNever
	RetryStream
)

// Merge says how a list of several sites is merged, where its request does not say an order.
type Merge int

// What common.proto says of each of them; 0: one site after the other.
const (
	MergeNewestFirst Merge = iota + 1
	MergeLatestFirst
	MergeObjects
)

// Naming says among which objects a name is one object's only.
type Naming int

// What common.proto says of each of them.
const (
	NamingNone Naming = iota + 1
	NamingInstallation
	NamingProject
	NamingRegion
)

// ObjectType is a type of object that has an id.
type ObjectType struct {
	Naming Naming
	// The types among whose names its name is looked for.
	FoundAs []string
}

// Path is the names of fields from a request down to one of its fields.
type Path []string

// Lead is a field that leads to the site that answers: by its region's UUID, or by an object's.
type Lead struct {
	IsRegion bool
	Path     Path
}

// Reference is a field that takes the name, slug or UUID of an object of one of some types.
type Reference struct {
	Path  Path
	Types []string
}

// Newer is a field, or a value of an enum in it, that services know since some version.
type Newer struct {
	Path  Path
	Since string
	// The number of the enum's value; 0: the field itself.
	Value int32
}

// Method is one RPC, as a client goes about it.
type Method struct {
	// As gRPC calls it: /package.Service/Method.
	Path  string
	Retry Retry
	// It is called without a token.
	Anonymous bool
	// The first that is filled in leads to the site; where none is, every site is asked.
	Leads      []Lead
	References []Reference
	// The version of the service that was the first to have it; empty: 0.1.0.
	Since string
	Newer []Newer
	Merge Merge
}
