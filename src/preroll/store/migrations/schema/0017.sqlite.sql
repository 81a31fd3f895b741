CREATE TABLE account (
	"key" INTEGER NOT NULL,
	id TEXT NOT NULL,
	name TEXT NOT NULL,
	folded TEXT NOT NULL,
	full_name TEXT NOT NULL,
	password TEXT NOT NULL,
	rights TEXT NOT NULL,
	disabled INTEGER NOT NULL,
	issuer TEXT NOT NULL,
	subject TEXT NOT NULL,
	revision INTEGER NOT NULL,
	created_us INTEGER NOT NULL,
	changed_us INTEGER NOT NULL,
	CONSTRAINT pk_account PRIMARY KEY ("key"),
	CONSTRAINT uq_account_id UNIQUE (id),
	CONSTRAINT uq_account_folded UNIQUE (folded)
);

CREATE INDEX ix_account_subject ON account (issuer, subject) WHERE subject <> '';

CREATE TABLE action_log (
	"key" INTEGER NOT NULL,
	booking INTEGER NOT NULL,
	run TEXT NOT NULL,
	severity TEXT NOT NULL,
	text TEXT NOT NULL,
	at_us INTEGER NOT NULL,
	data TEXT NOT NULL,
	CONSTRAINT pk_action_log PRIMARY KEY ("key")
);

CREATE INDEX ix_action_log_booking_key ON action_log (booking, "key");

CREATE TABLE answer (
	actor TEXT NOT NULL,
	route TEXT NOT NULL,
	"key" TEXT NOT NULL,
	digest TEXT NOT NULL,
	status INTEGER NOT NULL,
	body TEXT NOT NULL,
	at_us INTEGER NOT NULL,
	CONSTRAINT pk_answer PRIMARY KEY (actor, route, "key")
);

CREATE INDEX ix_answer_at_us ON answer (at_us);

CREATE TABLE change_log (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	at_us INTEGER NOT NULL,
	kind TEXT NOT NULL,
	subject TEXT NOT NULL,
	platform INTEGER NOT NULL,
	actor TEXT NOT NULL,
	was TEXT NOT NULL,
	became TEXT NOT NULL,
	why TEXT NOT NULL,
	cause TEXT NOT NULL,
	revision INTEGER NOT NULL
);

CREATE INDEX ix_change_log_subject_id ON change_log (subject, id);

CREATE TABLE device_hold (
	device TEXT NOT NULL,
	boundary INTEGER NOT NULL,
	booking INTEGER NOT NULL,
	CONSTRAINT pk_device_hold PRIMARY KEY (device)
)
 WITHOUT ROWID;

CREATE INDEX ix_device_hold_boundary ON device_hold (boundary);

CREATE TABLE dimension (
	"key" INTEGER NOT NULL,
	name TEXT NOT NULL,
	CONSTRAINT pk_dimension PRIMARY KEY ("key"),
	CONSTRAINT uq_dimension_name UNIQUE (name)
);

CREATE TABLE failed_sign_in (
	about TEXT NOT NULL,
	who TEXT NOT NULL,
	count INTEGER NOT NULL,
	since_us INTEGER NOT NULL,
	locked_until_us INTEGER NOT NULL,
	at_us INTEGER NOT NULL,
	CONSTRAINT pk_failed_sign_in PRIMARY KEY (about, who)
)
 WITHOUT ROWID;

CREATE INDEX ix_failed_sign_in_at_us ON failed_sign_in (at_us);

CREATE TABLE function (
	"key" INTEGER NOT NULL,
	id TEXT NOT NULL,
	platform INTEGER NOT NULL,
	name TEXT NOT NULL,
	revision INTEGER NOT NULL,
	body TEXT NOT NULL,
	CONSTRAINT pk_function PRIMARY KEY ("key"),
	CONSTRAINT uq_function_id UNIQUE (id),
	CONSTRAINT uq_function_platform_name UNIQUE (platform, name)
);

CREATE TABLE origin (
	platform INTEGER NOT NULL,
	kind TEXT NOT NULL,
	name TEXT NOT NULL,
	bundle TEXT NOT NULL,
	CONSTRAINT pk_origin PRIMARY KEY (platform, kind, name)
)
 WITHOUT ROWID;

CREATE TABLE pending_sign_in (
	digest TEXT NOT NULL,
	nonce TEXT NOT NULL,
	verifier TEXT NOT NULL,
	returns TEXT NOT NULL,
	at_us INTEGER NOT NULL,
	CONSTRAINT pk_pending_sign_in PRIMARY KEY (digest)
)
 WITHOUT ROWID;

CREATE INDEX ix_pending_sign_in_at_us ON pending_sign_in (at_us);

CREATE TABLE platform (
	"key" INTEGER NOT NULL,
	id TEXT NOT NULL,
	name TEXT NOT NULL,
	zone TEXT NOT NULL,
	catalogue_version INTEGER NOT NULL,
	config_version INTEGER NOT NULL,
	config TEXT NOT NULL,
	CONSTRAINT pk_platform PRIMARY KEY ("key"),
	CONSTRAINT uq_platform_id UNIQUE (id),
	CONSTRAINT uq_platform_name UNIQUE (name)
);

CREATE TABLE platform_config (
	platform INTEGER NOT NULL,
	version INTEGER NOT NULL,
	config TEXT NOT NULL,
	at_us INTEGER NOT NULL,
	zone TEXT DEFAULT '' NOT NULL,
	actor TEXT DEFAULT '' NOT NULL,
	why TEXT DEFAULT '' NOT NULL,
	CONSTRAINT pk_platform_config PRIMARY KEY (platform, version)
);

CREATE TABLE pool (
	"key" INTEGER NOT NULL,
	id TEXT NOT NULL,
	platform INTEGER NOT NULL,
	name TEXT NOT NULL,
	revision INTEGER NOT NULL,
	body TEXT NOT NULL,
	CONSTRAINT pk_pool PRIMARY KEY ("key"),
	CONSTRAINT uq_pool_id UNIQUE (id),
	CONSTRAINT uq_pool_platform_name UNIQUE (platform, name)
);

CREATE TABLE profile_definition (
	"key" INTEGER NOT NULL,
	id TEXT NOT NULL,
	platform INTEGER NOT NULL,
	name TEXT NOT NULL,
	revision INTEGER NOT NULL,
	body TEXT NOT NULL,
	CONSTRAINT pk_profile_definition PRIMARY KEY ("key"),
	CONSTRAINT uq_profile_definition_id UNIQUE (id),
	CONSTRAINT uq_profile_definition_platform_name UNIQUE (platform, name)
);

CREATE TABLE profile_instance (
	"key" INTEGER NOT NULL,
	id TEXT NOT NULL,
	platform INTEGER NOT NULL,
	name TEXT NOT NULL,
	revision INTEGER NOT NULL,
	body TEXT NOT NULL,
	CONSTRAINT pk_profile_instance PRIMARY KEY ("key"),
	CONSTRAINT uq_profile_instance_id UNIQUE (id),
	CONSTRAINT uq_profile_instance_platform_name UNIQUE (platform, name)
);

CREATE TABLE resource (
	"key" INTEGER NOT NULL,
	id TEXT NOT NULL,
	platform INTEGER NOT NULL,
	name TEXT NOT NULL,
	concurrency INTEGER NOT NULL,
	mode TEXT NOT NULL,
	held_as TEXT NOT NULL,
	revision INTEGER NOT NULL,
	body TEXT NOT NULL,
	labels TEXT DEFAULT '' NOT NULL,
	removed INTEGER DEFAULT 0 NOT NULL,
	CONSTRAINT pk_resource PRIMARY KEY ("key"),
	CONSTRAINT uq_resource_id UNIQUE (id),
	CONSTRAINT uq_resource_platform_name UNIQUE (platform, name)
);

CREATE INDEX ix_resource_held_as ON resource (held_as);

CREATE INDEX ix_resource_labels ON resource (labels) WHERE labels <> '';

CREATE TABLE run (
	boundary INTEGER NOT NULL,
	generation INTEGER NOT NULL,
	try_ INTEGER NOT NULL,
	id TEXT NOT NULL,
	booking INTEGER NOT NULL,
	kind TEXT NOT NULL,
	event TEXT NOT NULL,
	script TEXT NOT NULL,
	version TEXT NOT NULL,
	target TEXT NOT NULL,
	previous TEXT NOT NULL,
	epoch INTEGER NOT NULL,
	config_version INTEGER NOT NULL,
	worker INTEGER NOT NULL,
	began_us INTEGER NOT NULL,
	ended_us INTEGER,
	outcome TEXT NOT NULL,
	reason TEXT NOT NULL,
	message TEXT NOT NULL,
	returned TEXT NOT NULL,
	CONSTRAINT pk_run PRIMARY KEY (boundary, generation, try_),
	CONSTRAINT uq_run_id UNIQUE (id)
)
 WITHOUT ROWID;

CREATE TABLE service (
	"key" INTEGER NOT NULL,
	id TEXT NOT NULL,
	platform INTEGER NOT NULL,
	definition INTEGER NOT NULL,
	name TEXT NOT NULL,
	folded TEXT NOT NULL,
	state TEXT NOT NULL,
	runs TEXT NOT NULL,
	desired INTEGER NOT NULL,
	deployed INTEGER,
	last_good INTEGER,
	scopes TEXT NOT NULL,
	revision INTEGER NOT NULL,
	created_us INTEGER NOT NULL,
	created_by TEXT NOT NULL,
	changed_us INTEGER NOT NULL,
	needs TEXT DEFAULT '' NOT NULL,
	CONSTRAINT pk_service PRIMARY KEY ("key"),
	CONSTRAINT uq_service_id UNIQUE (id)
);

CREATE UNIQUE INDEX ix_service_name ON service (platform, folded) WHERE state in ('Deployed', 'Fail Deploy');

CREATE INDEX ix_service_needs ON service ("key") WHERE needs <> '';

CREATE TABLE service_definition (
	"key" INTEGER NOT NULL,
	id TEXT NOT NULL,
	platform INTEGER NOT NULL,
	name TEXT NOT NULL,
	version INTEGER NOT NULL,
	publication TEXT NOT NULL,
	scripted INTEGER NOT NULL,
	body TEXT NOT NULL,
	removed INTEGER DEFAULT 0 NOT NULL,
	CONSTRAINT pk_service_definition PRIMARY KEY ("key"),
	CONSTRAINT uq_service_definition_id UNIQUE (id),
	CONSTRAINT uq_service_definition_platform_name_version UNIQUE (platform, name, version)
);

CREATE TABLE service_order (
	"key" INTEGER NOT NULL,
	id TEXT NOT NULL,
	platform INTEGER NOT NULL,
	name TEXT NOT NULL,
	state TEXT NOT NULL,
	phase TEXT NOT NULL,
	hold TEXT NOT NULL,
	together TEXT NOT NULL,
	due_us INTEGER,
	latest_start_us INTEGER NOT NULL,
	priority INTEGER NOT NULL,
	external TEXT NOT NULL,
	"plan" TEXT NOT NULL,
	approvals TEXT NOT NULL,
	attempt INTEGER NOT NULL,
	why TEXT NOT NULL,
	clone_of TEXT NOT NULL,
	hidden INTEGER NOT NULL,
	scopes TEXT NOT NULL,
	revision INTEGER NOT NULL,
	created_us INTEGER NOT NULL,
	created_by TEXT NOT NULL,
	changed_us INTEGER NOT NULL,
	CONSTRAINT pk_service_order PRIMARY KEY ("key"),
	CONSTRAINT uq_service_order_id UNIQUE (id)
);

CREATE INDEX ix_service_order_state ON service_order (platform, state, "key");

CREATE TABLE step (
	boundary INTEGER NOT NULL,
	generation INTEGER NOT NULL,
	try_ INTEGER NOT NULL,
	name TEXT NOT NULL,
	resource TEXT NOT NULL,
	state TEXT NOT NULL,
	attempts INTEGER NOT NULL,
	epoch INTEGER NOT NULL,
	began_us INTEGER NOT NULL,
	ended_us INTEGER,
	version TEXT NOT NULL,
	result TEXT,
	diff TEXT,
	error TEXT NOT NULL,
	CONSTRAINT pk_step PRIMARY KEY (boundary, generation, try_, name)
)
 WITHOUT ROWID;

CREATE TABLE subscription (
	"key" INTEGER NOT NULL,
	id TEXT NOT NULL,
	owner TEXT NOT NULL,
	name TEXT NOT NULL,
	kind TEXT NOT NULL,
	address TEXT NOT NULL,
	secret TEXT NOT NULL,
	filter TEXT NOT NULL,
	bounds TEXT NOT NULL,
	status TEXT NOT NULL,
	position TEXT NOT NULL,
	attempts INTEGER NOT NULL,
	next_us INTEGER NOT NULL,
	taken_us INTEGER,
	failed_us INTEGER,
	error TEXT NOT NULL,
	holder TEXT DEFAULT '' NOT NULL,
	lease_us INTEGER DEFAULT 0 NOT NULL,
	revision INTEGER NOT NULL,
	created_us INTEGER NOT NULL,
	created_by TEXT NOT NULL,
	CONSTRAINT pk_subscription PRIMARY KEY ("key"),
	CONSTRAINT uq_subscription_id UNIQUE (id),
	CONSTRAINT uq_subscription_owner_name UNIQUE (owner, name)
);

CREATE TABLE worker (
	"key" INTEGER NOT NULL,
	name TEXT NOT NULL,
	host TEXT NOT NULL,
	pid INTEGER NOT NULL,
	lease_us INTEGER NOT NULL,
	version TEXT NOT NULL,
	labels TEXT DEFAULT '' NOT NULL,
	role TEXT DEFAULT 'here' NOT NULL,
	scripts TEXT DEFAULT '{}' NOT NULL,
	CONSTRAINT pk_worker PRIMARY KEY ("key")
);

CREATE INDEX ix_worker_lease_us ON worker (lease_us);

CREATE TABLE booking (
	"key" INTEGER NOT NULL,
	id TEXT NOT NULL,
	platform INTEGER NOT NULL,
	name TEXT NOT NULL,
	folded TEXT NOT NULL,
	state TEXT NOT NULL,
	live INTEGER NOT NULL,
	start_us INTEGER NOT NULL,
	end_us INTEGER NOT NULL,
	pre_roll_us INTEGER NOT NULL,
	post_roll_us INTEGER NOT NULL,
	held_start_us INTEGER NOT NULL,
	held_end_us INTEGER NOT NULL,
	definition INTEGER,
	body TEXT NOT NULL,
	priority INTEGER NOT NULL,
	service_state TEXT NOT NULL,
	began INTEGER NOT NULL,
	entering TEXT NOT NULL,
	not_reset INTEGER NOT NULL,
	zone TEXT NOT NULL,
	revision INTEGER NOT NULL,
	state_version INTEGER NOT NULL,
	created_us INTEGER NOT NULL,
	created_by TEXT NOT NULL,
	changed_us INTEGER NOT NULL,
	scopes TEXT DEFAULT '' NOT NULL,
	alarmed INTEGER DEFAULT 0 NOT NULL,
	hidden INTEGER DEFAULT 0 NOT NULL,
	owner TEXT DEFAULT '' NOT NULL,
	orchestrated INTEGER DEFAULT 0 NOT NULL,
	CONSTRAINT pk_booking PRIMARY KEY ("key"),
	CONSTRAINT uq_booking_id UNIQUE (id),
	CONSTRAINT fk_booking_platform FOREIGN KEY(platform) REFERENCES platform ("key"),
	CONSTRAINT fk_booking_definition FOREIGN KEY(definition) REFERENCES service_definition ("key")
);

CREATE INDEX ix_booking_lasting ON booking (platform, held_end_us) WHERE held_end_us - held_start_us > 172800000000;

CREATE INDEX ix_booking_live_name ON booking (platform, folded) WHERE live = 1;

CREATE INDEX ix_booking_near ON booking (platform, held_start_us) WHERE alarmed = 0 and state in ('On-Hold', 'Partial', 'Quarantined');

CREATE INDEX ix_booking_short ON booking (platform, held_start_us) WHERE held_end_us - held_start_us <= 172800000000;

CREATE INDEX ix_booking_start_us_id ON booking (start_us, id);

CREATE INDEX ix_booking_state ON booking (platform, state, held_start_us);

CREATE TABLE dead_letter (
	"key" INTEGER NOT NULL,
	subscription INTEGER NOT NULL,
	id TEXT NOT NULL,
	position TEXT NOT NULL,
	kind TEXT NOT NULL,
	subject TEXT NOT NULL,
	body TEXT NOT NULL,
	attempts INTEGER NOT NULL,
	error TEXT NOT NULL,
	at_us INTEGER NOT NULL,
	CONSTRAINT pk_dead_letter PRIMARY KEY ("key"),
	CONSTRAINT uq_dead_letter_subscription_id UNIQUE (subscription, id),
	CONSTRAINT fk_dead_letter_subscription FOREIGN KEY(subscription) REFERENCES subscription ("key")
);

CREATE TABLE order_item (
	service_order INTEGER NOT NULL,
	place INTEGER NOT NULL,
	name TEXT NOT NULL,
	kind TEXT NOT NULL,
	service TEXT NOT NULL,
	base INTEGER,
	body TEXT NOT NULL,
	needs TEXT DEFAULT '' NOT NULL,
	CONSTRAINT pk_order_item PRIMARY KEY (service_order, place),
	CONSTRAINT fk_order_item_service_order FOREIGN KEY(service_order) REFERENCES service_order ("key")
)
 WITHOUT ROWID;

CREATE INDEX ix_order_item_needs ON order_item (service_order) WHERE needs <> '';

CREATE INDEX ix_order_item_service ON order_item (service);

CREATE TABLE order_plan (
	service_order INTEGER NOT NULL,
	hash TEXT NOT NULL,
	body TEXT NOT NULL,
	at_us INTEGER NOT NULL,
	CONSTRAINT pk_order_plan PRIMARY KEY (service_order),
	CONSTRAINT fk_order_plan_service_order FOREIGN KEY(service_order) REFERENCES service_order ("key")
);

CREATE TABLE service_alarm (
	service INTEGER NOT NULL,
	kind TEXT NOT NULL,
	what TEXT NOT NULL,
	since_us INTEGER NOT NULL,
	CONSTRAINT pk_service_alarm PRIMARY KEY (service, kind),
	CONSTRAINT fk_service_alarm_service FOREIGN KEY(service) REFERENCES service ("key")
);

CREATE TABLE service_difference (
	service INTEGER NOT NULL,
	node TEXT NOT NULL,
	path TEXT NOT NULL,
	gap TEXT NOT NULL,
	expected TEXT NOT NULL,
	found TEXT NOT NULL,
	since_us INTEGER NOT NULL,
	approved_by TEXT NOT NULL,
	reason TEXT NOT NULL,
	approved_us INTEGER,
	until_us INTEGER,
	CONSTRAINT pk_service_difference PRIMARY KEY (service, node, path),
	CONSTRAINT fk_service_difference_service FOREIGN KEY(service) REFERENCES service ("key")
);

CREATE INDEX ix_service_difference_until ON service_difference (until_us) WHERE until_us is not null;

CREATE TABLE service_revision (
	service INTEGER NOT NULL,
	number INTEGER NOT NULL,
	body TEXT NOT NULL,
	made_by TEXT NOT NULL,
	at_us INTEGER NOT NULL,
	CONSTRAINT pk_service_revision PRIMARY KEY (service, number),
	CONSTRAINT fk_service_revision_service FOREIGN KEY(service) REFERENCES service ("key")
)
 WITHOUT ROWID;

CREATE TABLE session (
	"key" INTEGER NOT NULL,
	account INTEGER NOT NULL,
	digest TEXT NOT NULL,
	began_us INTEGER NOT NULL,
	seen_us INTEGER NOT NULL,
	CONSTRAINT pk_session PRIMARY KEY ("key"),
	CONSTRAINT uq_session_digest UNIQUE (digest),
	CONSTRAINT fk_session_account FOREIGN KEY(account) REFERENCES account ("key")
);

CREATE INDEX ix_session_account ON session (account);

CREATE INDEX ix_session_seen_us ON session (seen_us);

CREATE TABLE token (
	"key" INTEGER NOT NULL,
	id TEXT NOT NULL,
	account INTEGER NOT NULL,
	name TEXT NOT NULL,
	digest TEXT NOT NULL,
	bounds TEXT NOT NULL,
	ends_us INTEGER NOT NULL,
	created_us INTEGER NOT NULL,
	used_us INTEGER,
	CONSTRAINT pk_token PRIMARY KEY ("key"),
	CONSTRAINT uq_token_id UNIQUE (id),
	CONSTRAINT uq_token_digest UNIQUE (digest),
	CONSTRAINT uq_token_account_name UNIQUE (account, name),
	CONSTRAINT fk_token_account FOREIGN KEY(account) REFERENCES account ("key")
);

CREATE TABLE boundary (
	"key" INTEGER NOT NULL,
	platform INTEGER NOT NULL,
	booking INTEGER NOT NULL,
	kind TEXT NOT NULL,
	ordinal INTEGER NOT NULL,
	rank INTEGER NOT NULL,
	scripted INTEGER NOT NULL,
	due_us INTEGER NOT NULL,
	state TEXT NOT NULL,
	generation INTEGER NOT NULL,
	try_ INTEGER NOT NULL,
	epoch INTEGER NOT NULL,
	worker INTEGER,
	fires TEXT,
	planned_us INTEGER NOT NULL,
	began_us INTEGER,
	ended_us INTEGER,
	reason TEXT,
	message TEXT NOT NULL,
	waits_for INTEGER,
	stopping INTEGER DEFAULT 0 NOT NULL,
	CONSTRAINT pk_boundary PRIMARY KEY ("key"),
	CONSTRAINT fk_boundary_booking FOREIGN KEY(booking) REFERENCES booking ("key")
);

CREATE INDEX ix_boundary_booking_ordinal ON boundary (booking, ordinal);

CREATE INDEX ix_boundary_down ON boundary (due_us) WHERE rank = 0 and state in ('armed', 'running');

CREATE INDEX ix_boundary_due ON boundary (platform, scripted, rank, due_us, "key") WHERE state = 'armed' and waits_for is null;

CREATE INDEX ix_boundary_running ON boundary (rank, platform) WHERE state = 'running';

CREATE INDEX ix_boundary_waits_for ON boundary (waits_for) WHERE waits_for is not null;

CREATE TABLE loss (
	"key" INTEGER NOT NULL,
	booking INTEGER NOT NULL,
	resource INTEGER NOT NULL,
	dimension TEXT NOT NULL,
	amount INTEGER NOT NULL,
	start_us INTEGER NOT NULL,
	end_us INTEGER NOT NULL,
	kind TEXT NOT NULL,
	about TEXT NOT NULL,
	why TEXT NOT NULL,
	rivals TEXT NOT NULL,
	reason TEXT NOT NULL,
	held INTEGER NOT NULL,
	was TEXT NOT NULL,
	at_us INTEGER NOT NULL,
	closed_us INTEGER,
	CONSTRAINT pk_loss PRIMARY KEY ("key"),
	CONSTRAINT fk_loss_booking FOREIGN KEY(booking) REFERENCES booking ("key"),
	CONSTRAINT fk_loss_resource FOREIGN KEY(resource) REFERENCES resource ("key")
);

CREATE INDEX ix_loss_booking_key ON loss (booking, "key");

CREATE TABLE reservation (
	"key" INTEGER NOT NULL,
	booking INTEGER NOT NULL,
	resource INTEGER NOT NULL,
	dimension INTEGER NOT NULL,
	start_us INTEGER NOT NULL,
	end_us INTEGER NOT NULL,
	amount INTEGER NOT NULL,
	live INTEGER NOT NULL,
	tier INTEGER NOT NULL,
	unreset INTEGER DEFAULT 0 NOT NULL,
	agreed TEXT DEFAULT '' NOT NULL,
	CONSTRAINT pk_reservation PRIMARY KEY ("key"),
	CONSTRAINT fk_reservation_booking FOREIGN KEY(booking) REFERENCES booking ("key"),
	CONSTRAINT fk_reservation_resource FOREIGN KEY(resource) REFERENCES resource ("key")
);

CREATE INDEX ix_reservation_booking ON reservation (booking);

CREATE INDEX ix_reservation_live ON reservation (resource, tier, start_us) WHERE live = 1;

CREATE INDEX ix_reservation_unreset ON reservation (resource) WHERE unreset = 1;
