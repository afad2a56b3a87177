-- What the platform needs in a Snowflake account. Run it once, as a person who may use ACCOUNTADMIN, after putting your own
-- public key in the place of <PUBLIC KEY>; running it again changes nothing but what you have edited. docs/snowflake.md says why.
--
--   MARS_SERVICE  owns bronze, silver and gold; what the platform logs in with
--   MARS_READER   reads all of them; for people and tools
--   MARS          the warehouse (compute) and the database, both of this name

use role sysadmin;

create warehouse if not exists mars
    warehouse_size = xsmall
    initially_suspended = true
    comment = 'Loads and models of martian-moments';
alter warehouse mars set
    auto_suspend = 60
    auto_resume = true
    statement_timeout_in_seconds = 3600;

create database if not exists mars comment = 'What NASA''s Mars rovers photographed and where they drove';

use role securityadmin;

create role if not exists mars_service comment = 'Loads and models of martian-moments';
create role if not exists mars_reader comment = 'Reads what martian-moments has modelled';
-- So that whoever administers objects can administer these.
grant role mars_service to role sysadmin;
grant role mars_reader to role sysadmin;

grant usage, operate on warehouse mars to role mars_service;
grant usage on warehouse mars to role mars_reader;

-- The schemas bronze, silver and gold, and what is in them, are made by `martian-moments init` and by dbt, and belong to the
-- role that makes them: nothing else of the account is within its reach.
grant usage, create schema on database mars to role mars_service;

grant usage on database mars to role mars_reader;
grant usage on all schemas in database mars to role mars_reader;
grant usage on future schemas in database mars to role mars_reader;
grant select on all tables in database mars to role mars_reader;
grant select on future tables in database mars to role mars_reader;
grant select on all views in database mars to role mars_reader;
grant select on future views in database mars to role mars_reader;

use role useradmin;

-- TYPE = SERVICE: it has no password and cannot log in to the web interface.
create user if not exists mars_service type = service comment = 'The platform martian-moments';
alter user mars_service set
    rsa_public_key = '<PUBLIC KEY>'
    default_role = mars_service
    default_warehouse = mars
    default_namespace = mars
    timezone = 'UTC';

use role securityadmin;

grant role mars_service to user mars_service;

-- Only from where the platform runs (put in your addresses and take the comment marks away):
-- use role accountadmin;
-- create network rule if not exists mars.public.platform type = ipv4 mode = ingress value_list = ('203.0.113.0/24');
-- create network policy if not exists mars_platform allowed_network_rule_list = ('mars.public.platform');
-- alter user mars_service set network_policy = mars_platform;

-- A ceiling for what compute may cost (credits a month), if you want one:
-- use role accountadmin;
-- create resource monitor if not exists mars with credit_quota = 20 triggers on 90 percent do notify on 100 percent do suspend;
-- alter warehouse mars set resource_monitor = mars;
