-- The role that the portal runs as on PostgreSQL: it reads and writes, and cannot change the audit log.
--
-- The tables belong to the role that migrates, which nothing else uses. After `manage.py migrate`, as that role and each
-- time again:
--
--     psql --single-transaction --set ON_ERROR_STOP=1 --file deploy/database-role.sql "$OWNER_URL"
--
-- Then give portal_app a password (\password portal_app) and name it in the DATABASE_URL of web server and worker.
-- The owner needs CREATEROLE for the first run, or somebody who has it creates portal_app before.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'portal_app') THEN
        CREATE ROLE portal_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
    END IF;
END
$$;

GRANT USAGE ON SCHEMA public TO portal_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO portal_app;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO portal_app;

-- What migrations add later is the portal's as well.
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO portal_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO portal_app;

-- The log and its checkpoints only grow. The triggers refuse the same; these rights are another lock on the same door,
-- and whoever does not own the tables cannot take the triggers away.
REVOKE UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER
    ON requests_app_auditentry, requests_app_auditcheckpoint FROM portal_app;
-- Which migrations ran is the owner's to say.
REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM portal_app;
